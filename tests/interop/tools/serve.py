"""How the runner speaks to a tool: a JSON request a line on standard input, a JSON answer a line on standard output.

Each tool runs in an environment of its own: the packages contradict each other (two of them are even called s3_encryption).
Standard library only. Knows no tool and no format.
"""
import json
import os
import sys

REGION = "us-east-1"


def endpoints():
    """How a boto3 client of the store is made, and one of the KMS. Credentials come from the environment as for every SDK."""
    return {"endpoint_url": os.environ["INTEROP_S3"], "region_name": REGION}, {"endpoint_url": os.environ["INTEROP_KMS"], "region_name": REGION}


def serve(**does):
    """Answers until standard input ends. A function gets the request and returns what to add to the answer, or None."""
    answers, sys.stdout = sys.stdout, sys.stderr  # what libraries print is no answer
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"ok": True, **(does[request["do"]](request) or {})}
        except Exception as problem:  # the runner judges what a refusal means
            answer = {"ok": False, "error": f"{type(problem).__name__}: {problem}"}
        print(json.dumps(answer), file=answers, flush=True)
