"""What the local Hub answers, one function a request."""

import base64
import hashlib
import json
import re

LFS_SUFFIXES = (".safetensors", ".h5")
BIG = 10_000_000


def blob_id(data):
    """The git object id of a file."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def is_lfs(path, data):
    return path.endswith(LFS_SUFFIXES) or len(data) > BIG


def entry(path, data):
    """How the Hub lists a file."""
    known = {"rfilename": path, "size": len(data), "blobId": blob_id(data)}
    if is_lfs(path, data):
        oid = hashlib.sha256(data).hexdigest()
        known["lfs"] = {"sha256": oid, "size": len(data), "pointerSize": 134}
    return known


def whoami(handler, hub):
    role = {"role": handler.user[1]} if handler.user else {}
    name = handler.user[0] if handler.user else None
    auth = {"accessToken": role}
    return {"type": "user", "name": name, "orgs": [], "auth": auth}


def create(handler, hub):
    asked = json.loads(handler.body)
    id = f"{asked['organization'] or handler.user[0]}/{asked['name']}"
    answer = {"url": f"{hub.url}/{id}"}
    if not handler.may_write(id):
        return 403, {}, b'{"error": "no right"}'
    if id in hub.repos:
        return 409, {}, json.dumps({**answer, "error": "exists"}).encode()
    hub.repos[id].private = asked.get("visibility") == "private"
    hub.put(id, {".gitattributes": b"*.safetensors filter=lfs\n"})
    return answer


def validate_yaml(handler, hub):
    text = json.loads(handler.body)["content"]
    if re.search(r"^license: nonsense", text, re.MULTILINE):
        return 400, {}, b'{"errors": [{"message": "unknown license"}]}'
    return {"errors": [], "warnings": []}


def preupload(handler, hub, id, rev):
    if not handler.may_write(id):
        return 403, {}, b'{"error": "no right"}'
    return {
        "files": [
            {
                "path": f["path"],
                "uploadMode": "lfs"
                if f["path"].endswith(LFS_SUFFIXES) or f["size"] > BIG
                else "regular",
                "shouldIgnore": False,
            }
            for f in json.loads(handler.body)["files"]
        ]
    }


def lfs_batch(handler, hub, id):
    objects = json.loads(handler.body)["objects"]
    for item in objects:
        if item["oid"] not in hub.lfs:
            item["actions"] = {"upload": upload(hub, **item)}
    return {"objects": objects}


def upload(hub, oid, size):
    """Where the bytes go: to one address, or in parts to several."""
    href = f"{hub.url}/lfs/{oid}"
    if not hub.chunk_size or size <= hub.chunk_size:
        return {"href": href}
    count = -(-size // hub.chunk_size)
    parts = {f"{i:05}": f"{href}/{i}" for i in range(1, count + 1)}
    header = {"chunk_size": str(hub.chunk_size), **parts}
    return {"href": f"{href}/complete", "header": header}


def lfs_part(handler, hub, oid, number):
    hub.parts[oid][int(number)] = handler.body
    return 200, {"ETag": f'"{blob_id(handler.body)}"'}, b""


def lfs_complete(handler, hub, oid):
    parts, told = hub.parts.pop(oid), json.loads(handler.body)["parts"]
    sent = [
        {"partNumber": number, "etag": f'"{blob_id(data)}"'}
        for number, data in sorted(parts.items())
    ]
    data = b"".join(parts[number] for number in sorted(parts))
    if told != sent or hashlib.sha256(data).hexdigest() != oid:
        return 400, {}, b"{}"
    hub.lfs[oid] = data
    return {}


def lfs_put(handler, hub, oid):
    if hashlib.sha256(handler.body).hexdigest() != oid:
        return 400, {}, b"{}"
    hub.lfs[oid] = handler.body
    return {}


def commit(handler, hub, id, rev):
    lines = [json.loads(line) for line in handler.body.splitlines()]
    header = lines[0]["value"]
    branch = "refs/pr/1" if handler.query.get("create_pr") else rev
    repo = hub.repos[id]
    if branch != rev:
        repo.refs[branch] = repo.refs[rev]
    if header.get("parentCommit", repo.refs[branch]) != repo.refs[branch]:
        return 412, {}, b"{}"
    files = {}
    for line in lines[1:]:
        value = line["value"]
        files[value["path"]] = {
            "file": lambda v: base64.b64decode(v["content"]),
            "lfsFile": lambda v: hub.lfs[v["oid"]],
            "deletedFile": lambda v: None,
        }[line["key"]](value)
    oid = hub.put(id, files, branch=branch)
    url = f"{hub.url}/{id}/commit/{oid}"
    return {
        "commitUrl": url,
        "commitOid": oid,
        "pullRequestUrl": f"{hub.url}/{id}/discussions/1",
    }


def branch(handler, hub, id, name):
    repo = hub.repos[id]
    if name in repo.refs:
        return 409, {}, b"{}"
    repo.refs[name] = repo.refs["main"]
    return {}


def info(handler, hub, id, rev="main"):
    repo = handler.repo(hub, id)
    if repo is None:
        return handler.missing()
    oid = repo.refs.get(rev, rev)
    if oid not in repo.commits:
        return handler.missing("RevisionNotFound")
    files = [entry(*item) for item in sorted(repo.commits[oid].items())]
    known = {"id": id, "sha": oid, "private": repo.private}
    return {**known, "gated": repo.gated, "siblings": files, "tags": []}


def tree(handler, hub, id, rev):
    repo = handler.repo(hub, id)
    listed = []
    for path, data in sorted(repo.commits[repo.refs.get(rev, rev)].items()):
        known = entry(path, data)
        item = {"type": "file", "path": path, "size": len(data)}
        item["oid"] = known["blobId"]
        if "lfs" in known:
            size = {"size": len(data), "pointerSize": 134}
            item["lfs"] = {"oid": known["lfs"]["sha256"], **size}
        listed.append(item)
    return listed


def models(handler, hub):
    wanted = set(handler.query.get("filter", []))
    return [
        {"id": id, "modelId": id, "sha": repo.refs["main"], "private": False}
        for id, repo in sorted(hub.repos.items())
        if id.startswith(handler.query.get("author", [""])[0])
        and all(tag.encode() in hub.files(id)["README.md"] for tag in wanted)
    ]


def resolve(handler, hub, id, rev, path):
    repo = handler.repo(hub, id)
    if repo is None:
        return handler.missing()
    if repo.gated and not handler.user:
        return 401, {"X-Error-Code": "GatedRepo"}, b"{}"
    oid = repo.refs.get(rev, rev)
    if path not in repo.commits.get(oid, {}):
        code, headers, body = handler.missing("EntryNotFound")
        return code, {**headers, "X-Repo-Commit": oid}, body
    data = repo.commits[oid][path]
    known = entry(path, data)
    etag = known.get("lfs", {}).get("sha256", known["blobId"])
    headers = {"X-Repo-Commit": oid, "ETag": f'"{etag}"'}
    if hub.cdn and "lfs" in known:
        hub.cdn.lfs[etag] = data
        linked = {"X-Linked-Etag": f'"{etag}"', "X-Linked-Size": len(data)}
        to = {"Location": f"{hub.cdn.url}/lfs/{etag}"}
        return 302, {"X-Repo-Commit": oid, **linked, **to}, b""
    return 200, headers, data


def lfs_get(handler, hub, oid):
    return 200, {"ETag": f'"{oid}"'}, hub.lfs[oid]


ID, REV = r"(?P<id>[^/]+/[^/]+?)", r"(?P<rev>.+)"
ROUTES = [
    (r"GET /api/whoami-v2", whoami),
    (r"GET /api/models", models),
    (r"POST /api/repos/create", create),
    (r"POST /api/validate-yaml", validate_yaml),
    (rf"POST /api/models/{ID}/preupload/{REV}", preupload),
    (rf"POST /{ID}\.git/info/lfs/objects/batch", lfs_batch),
    (r"PUT /lfs/(?P<oid>\w+)", lfs_put),
    (r"PUT /lfs/(?P<oid>\w+)/(?P<number>\d+)", lfs_part),
    (r"POST /lfs/(?P<oid>\w+)/complete", lfs_complete),
    (r"(GET|HEAD) /lfs/(?P<oid>\w+)", lfs_get),
    (rf"POST /api/models/{ID}/commit/{REV}", commit),
    (rf"POST /api/models/{ID}/branch/(?P<name>.+)", branch),
    (rf"GET /api/models/{ID}/revision/{REV}", info),
    (rf"GET /api/models/{ID}/tree/{REV}", tree),
    (rf"GET /api/models/{ID}", info),
    (
        r"(GET|HEAD) /(?P<id>[^/]+/[^/]+)/resolve/(?P<rev>.+?)/(?P<path>.+)",
        resolve,
    ),
]
