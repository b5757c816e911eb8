"""What `test/faults/fuzz-http.ts` adds to Schemathesis: a session, and the closed table of answers."""

import atexit
import json
import os
import unicodedata
import urllib.request
import uuid
from collections import Counter

import jsonschema_rs
import schemathesis

USER = os.environ["FUZZ_URL"] + "/api/entrytask/user/"
PASSWORD = "hopper1906"
COUNTS_FILE = os.environ["FUZZ_COUNTS"]

FILE_FORM = "multipart/form-data"
# docs/api.md, "Answers"
TABLE = {
    "0": ("ServerError", {500, 503, 504, 429}),
    "1": ("DataBaseError", {503}),
    "2": ("InvalidSessionError", {401}),
    "3": ("UserExistedError", {409}),
    "4": ("UserNotExistError", {404}),
    "5": ("PasswordError", {401}),
    "6": ("InvalidParamsError", {400, 403, 404, 405, 413, 415}),
    "7": ("success", {200}),
}

counts: Counter = Counter()


class Account:
    """A user that is signed in. After an answer that may have ended the session, it is a new one."""

    def __init__(self):
        self.username = ""
        self.session = None

    def fresh_session(self):
        if self.session is None:
            self.username = "f" + uuid.uuid4().hex[:12]
            credentials = {"username": self.username, "password": PASSWORD}
            post("signup", credentials)
            cookies = post("signin", credentials)
            self.session = next(
                cookie.split(";")[0].split("=")[1]
                for cookie in cookies
                if cookie.startswith("sessionID=")
            )
        return self.session


def live_session_id():
    request = urllib.request.Request(
        USER + "sessions", headers={"Cookie": f"sessionID={account.session}"}
    )
    with urllib.request.urlopen(request) as response:
        return json.load(response)["data"][0]["id"]


def post(path, fields):
    request = urllib.request.Request(
        USER + path, json.dumps(fields).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as response:
        return response.headers.get_all("Set-Cookie") or []


account = Account()

if os.environ.get("FUZZ_SESSION"):

    @schemathesis.auth(refresh_interval=None)
    class Session:
        def get(self, case, context):
            return account.fresh_session()

        def set(self, case, data, context):
            case.cookies["sessionID"] = data


def is_positive(case):
    """Whether all of the request is as the schema says, for what Schemathesis knows."""
    if case.meta is None or case.meta.generation.mode.value != "positive":
        return False
    return all(each.mode.value == "positive" for each in case.meta.components.values())


@schemathesis.hook
def filter_case(context, case):
    """
    Drops a request that is not what Schemathesis takes it for. It approximates the properties of
    Unicode in the patterns, and JSON Schema cannot say that a text is in NFC.
    """
    body = case.body
    if not isinstance(body, dict) or not is_positive(case):
        return True
    if case.media_type == FILE_FORM:
        return False  # No schema says what a picture is.
    content = case.operation.definition.raw["requestBody"]["content"][case.media_type]
    texts = [value for value in body.values() if isinstance(value, str)]
    is_nfc = all(unicodedata.is_normalized("NFC", text) for text in texts)
    return is_nfc and jsonschema_rs.is_valid(content["schema"], body)


@schemathesis.hook
def before_add_examples(context, examples):
    examples[:] = [case for case in examples if case.media_type != FILE_FORM]


@schemathesis.hook
def before_call(context, case, kwargs):
    """
    Gives fields the values that a valid request needs and no schema can name: the session's own
    name, the id of a session. Half of the passwords are right.
    """
    body = case.body
    if not isinstance(body, dict) or not is_positive(case) or account.session is None:
        return
    if not case.operation.definition.raw.get("security"):
        return
    body = case.body = dict(body)  # Cases share it.
    if "username" in body:
        body["username"] = account.username
    if "id" in body:
        body["id"] = live_session_id()
    if len(repr(body)) % 2 == 0:
        for name in ("oldPassword", "password"):
            if name in body:
                body[name] = PASSWORD


@schemathesis.hook
def map_path_parameters(context, parameters):
    if parameters and len(repr(parameters)) % 2 == 0 and "name" in parameters:
        parameters["name"] = "default.webp"
    return parameters


@schemathesis.hook
def after_call(context, case, response):
    code = ""
    if response.headers.get("content-type", [""])[0].startswith("application/json"):
        code = json.loads(response.content).get("errCode", "")
    counts[f"{case.operation.label} {response.status_code} {code}"] += 1
    is_over = code == "2" or response.status_code == 429  # The account is throttled.
    is_ours = case.cookies.get("sessionID") == account.session
    cookies = response.headers.get("set-cookie", [])
    if any(cookie.startswith("sessionID=") for cookie in cookies) or (is_over and is_ours):
        account.session = None
    if sum(counts.values()) % 100 == 0:
        write_counts()


def write_counts():
    with open(COUNTS_FILE, "w") as file:
        json.dump(counts, file)


@schemathesis.check
def answer_in_table(ctx, response, case):
    if response.status_code == 200 and case.operation.path.startswith("/avatars/"):
        return
    assert response.status_code < 500, f"status {response.status_code}"
    if case.method.upper() == "HEAD":
        return
    answer = json.loads(response.content)
    assert list(answer) == ["errCode", "errMsg", "data"], f"keys {list(answer)}"
    name, statuses = TABLE[answer["errCode"]]
    assert answer["errMsg"] == name and response.status_code in statuses, "not in the table"
    assert answer["errCode"] == "7" or answer["data"] == "", "data with an error"
    detail = response.headers.get("x-error-detail", [""])[0]
    assert (detail != "") == (answer["errCode"] == "6"), "X-Error-Detail belongs to 6"
    assert detail.isascii() and len(detail) <= 200, "X-Error-Detail"
    assert "x-request-id" in response.headers, "no X-Request-Id"
    is_limited = response.status_code == 429
    assert ("retry-after" in response.headers) == is_limited, "Retry-After"


atexit.register(write_counts)
