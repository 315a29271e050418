"""Large files go to the Hub in parts, where it asks for that."""

import hashlib

import pytest
from hub_server import status

THOROUGH = [pytest.mark.thorough]


def hung_up(handler, answer):
    """Closes the connection without an answer."""
    handler.close_connection = True


@pytest.fixture
def parts(hub, published):
    """Asks for the weights in three parts, the last one shorter."""
    weights = published["model.safetensors"]
    hub.chunk_size = len(weights) // 3 + 1
    oid = hashlib.sha256(weights).hexdigest()
    return [f"/lfs/{oid}/{number}" for number in (1, 2, 3)]


def test_the_parts_are_put_together(hub, push, published, parts):
    push("--no-keras-copy")
    sent = hub.files("alice/net")["model.safetensors"]
    assert sent == published["model.safetensors"]
    assert [path for _, path in hub.requests("PUT")] == parts
    done = [path for _, path in hub.requests("POST") if "/complete" in path]
    assert done == [parts[0].removesuffix("1") + "complete"]
    for method, _, headers in hub.record:
        if method == "PUT":
            assert "authorization" not in {name.lower() for name in headers}


def test_a_part_that_fails_is_sent_again(hub, push, published, parts, waits):
    hub.fail(f"PUT {parts[1]}", status(503))
    push("--no-keras-copy")
    assert [p for _, p in hub.requests("PUT")] == [*parts[:2], *parts[1:]]
    sent = hub.files("alice/net")["model.safetensors"]
    assert sent == published["model.safetensors"]


@pytest.mark.parametrize(
    ("request_line", "fault", "code"),
    [
        ("POST /lfs/.*/complete", status(400), 6),
        pytest.param("PUT /lfs/.*/2", status(403), 4, marks=THOROUGH),
        pytest.param("PUT /lfs/.*/2", status(503), 5, marks=THOROUGH),
        ("PUT /lfs/.*/2", hung_up, 5),
    ],
)
def test_an_upload_that_fails_has_its_code_and_makes_no_commit(
    hub, push, parts, waits, request_line, fault, code
):
    before = hub.put("alice/net", {".gitattributes": b""})
    hub.fail(request_line, fault, times=99)
    result = push("--no-keras-copy", code=code)
    assert "unexpected" not in result.stderr
    assert hub.repos["alice/net"].refs["main"] == before
