"""Tests: real Valkey, real uvicorn, real RQ workers as processes; tables of requests and events beside them."""
