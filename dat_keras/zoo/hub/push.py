"""Executes a push plan: the files go to the Hub in one commit."""

from __future__ import annotations

import time
from dataclasses import dataclass

from huggingface_hub import (
    CommitInfo,
    CommitOperation,
    CommitOperationAdd,
    CommitOperationDelete,
)

from dat_keras.zoo.errors import ConflictError, UnreachableError
from dat_keras.zoo.hub.client import WAITS, Hub
from dat_keras.zoo.hub.plan import Plan, PushOptions, changes_of


@dataclass(frozen=True)
class Pushed:
    """A push that is done.

    Args:
        commit: The commit that holds the files.
        url: Its page; empty if there was nothing to push.
    """

    commit: str
    url: str = ""


def execute(plan: Plan, hub: Hub, options: PushOptions) -> Pushed:
    """Sends what a plan says, in one commit.

    Args:
        plan: The plan.
        hub: Client of the Hub.
        options: Options of the push.

    Returns:
        The commit; the present one if nothing changed.

    Raises:
        ConflictError: If the repository changed since the plan.
        ZooError: If the Hub cannot be reached or refuses.
    """
    if plan.there is not None and not plan.effective:
        return Pushed(plan.there.commit)
    target = plan.target
    with hub.asking(target) as api:
        if plan.there is None:
            api.create_repo(target.repo, private=options.private, exist_ok=True)
        if target.revision and (plan.there is None or plan.new_branch):
            api.create_branch(
                target.repo, branch=target.revision, exist_ok=True
            )
    parent = (plan.there or hub.listing(target)).commit
    return _committed(plan, parent, hub, options)


def _committed(
    plan: Plan, parent: str, hub: Hub, options: PushOptions
) -> Pushed:
    """One commit; after lost answers, looks whether it had been made."""
    for wait in (*WAITS, None):
        try:
            info = _commit(plan, parent, hub, options)
            return Pushed(info.oid, info.pr_url or info.commit_url)
        except UnreachableError:
            if wait is None or options.create_pr:
                raise
        hub.say(f"the Hub does not answer, looking again in {wait} s")
        time.sleep(wait)
        now = hub.listing(plan.target)
        if now.commit != parent:
            if any(
                c.action != "unchanged"
                for c in changes_of(plan.folder, now.files)
            ):
                raise ConflictError(
                    f"{plan.target.repo} changed meanwhile", "try again"
                )
            url = f"{hub.api().endpoint}/{plan.target.repo}/commit/{now.commit}"
            return Pushed(now.commit, url)
    raise UnreachableError("the Hub does not answer", "try again later")


def _commit(
    plan: Plan, parent: str, hub: Hub, options: PushOptions
) -> CommitInfo:
    operations: list[CommitOperation] = [
        CommitOperationDelete(change.path)
        if change.action == "delete"
        else CommitOperationAdd(change.path, plan.folder / change.path)
        for change in plan.effective
    ]
    with hub.asking(plan.target) as api:
        return api.create_commit(
            plan.target.repo,
            operations,
            commit_message=options.message,
            revision=plan.target.revision,
            create_pr=options.create_pr,
            parent_commit=parent,
        )
