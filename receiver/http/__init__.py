"""HTTP as uvicorn speaks it, with the limits that it lacks: who connects, who may come in, what they are answered."""
