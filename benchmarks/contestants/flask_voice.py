"""Mocean's Flask sample for inbound calls: the answer is made in the web process, and nothing is stored."""

from flask import Flask, Response, jsonify, request

from benchmarks.calls import PATH

app = Flask(__name__)


def answer_call() -> Response:
    """Greet the caller, as the document's sample does."""
    text = f"Thank you for calling from {request.form.get('mocean-from')}."
    answer: Response = jsonify([{"action": "say", "text": text, "language": "en-GB"}])
    return answer


# Not `@app.route`, so that the types also check where Flask is not installed.
app.add_url_rule(PATH, view_func=answer_call, methods=["POST"])
