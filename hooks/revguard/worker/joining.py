"""The results of several databases as one: what is in any of them is in it, the worst counts."""

from __future__ import annotations

from typing import Any, Iterable, Mapping

_WORST = ("fail", "skipped", "pass")


def marked(key: str, mark: str) -> str:
    """A difference's key, with the name of the database that it is about."""
    return f"{key} @{mark}" if mark else key


def unmarked(keys: Iterable[str], mark: str) -> list[str]:
    """Those of the keys that are about one database, as they are known there."""
    end = f" @{mark}" if mark else ""
    return [key[: len(key) - len(end)] for key in keys if key.endswith(end)]


def join(whole: dict[str, Any], parts: list[tuple[str, Mapping[str, Any]]]) -> None:
    """Put the results of the parts, each with its mark, into that of the whole."""
    results = [result for _, result in parts]
    for name in ("changes", "left", "still"):
        found = {}
        for mark, result in parts:
            for item in result[name]:
                key = marked(item["key"], mark)
                found[key] = dict(item, key=key)
        whole[name] = list(found.values())
    keys = [marked(key, mark) for mark, result in parts for key in result["drift"]]
    whole["drift"] = list(dict.fromkeys(keys))
    for name in ("premade", "stamped", "altered", "swallowed", "notes"):
        whole[name] += [item for result in results for item in result[name]]
    for name in ("runs", "replayed"):
        whole[name] = sum(result[name] for result in results)
    whole["known"] = _known(parts)
    for name in ("metadata_tables", "included_tables"):
        tables = [result[name] for result in results if result[name] is not None]
        whole[name] = sum(tables) if tables else None
    whole["uncommitted"] = any(result["uncommitted"] for result in results)
    whole["judged"] = bool(results) and all(result["judged"] for result in results)
    whole["foreign"] = next((one["foreign"] for one in results if one["foreign"]), None)
    whole["registered"] = _registered([result["registered"] for result in results])
    whole["heads"] = sorted({head for result in results for head in result["heads"]})
    whole["upgrades"] = _upgrades(results)
    whole["proof"] = _proof(parts)
    whole["tables"] = _tables(results)
    asked = [item for result in results for item in result["renames"]]
    whole["renames"] = [one for at, one in enumerate(asked) if one not in asked[:at]]
    nowhere = [result["unrenamed"] for result in results if result["unrenamed"] is not None]
    whole["unrenamed"] = nowhere and [
        one for one in nowhere[0] if all(one in other for other in nowhere)
    ]
    whole["lost"] = _lost([result["lost"] for result in results])
    failures = [result["failure"] for result in results if result["failure"]]
    whole["failure"] = failures[0] if failures else None


def _registered(parts: list[dict[str, list[Any]] | None]) -> dict[str, list[Any]] | None:
    """What any of them holds is held (registered.py)."""
    joined: dict[str, list[Any]] = {}
    for part in filter(None, parts):
        for name, items in part.items():
            known = joined.setdefault(name, [])
            known += [item for item in items if item not in known]
    return joined or None


def _lost(parts: list[list[dict[str, str]] | None]) -> list[dict[str, str]] | None:
    """Whatever is lost in any of them, once."""
    told = [part for part in parts if part is not None]
    lost: list[dict[str, str]] = []
    for one in (item for part in told for item in part):
        if one not in lost:
            lost.append(one)
    return lost if told else None


def _known(parts: list[tuple[str, Mapping[str, Any]]]) -> int:
    """Schemas of the same tables have the same known differences."""
    most: dict[str, int] = {}
    for mark, result in parts:
        most[mark] = max(most.get(mark, 0), result["known"])
    return sum(most.values())


def _upgrades(results: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One record for each revision, whatever it did where."""
    found: dict[str, dict[str, Any]] = {}
    for result in results:
        for record in result["upgrades"]:
            one = found.setdefault(record["id"], {"id": record["id"], "statements": [], "ms": 0})
            one["statements"] += record["statements"]
            one["ms"] += record.get("ms", 0)
    return list(found.values())


def _tables(results: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each table once; where one database knows of a change and another of none, the change."""
    found: dict[str, dict[str, Any]] = {}
    for result in results:
        for table in result["tables"]:
            known = found.get(table["name"])
            if known is None or known["state"] == "same":
                found[table["name"]] = table
    return list(found.values())


def _proof(parts: list[tuple[str, Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """One entry for each step: the worst of what the databases gave."""
    found: dict[str, dict[str, Any]] = {}
    for mark, result in parts:
        for entry in result["proof"]:
            reason = f"{mark}: {entry['reason']}" if mark and entry["reason"] else entry["reason"]
            mine = dict(entry, reason=reason)
            other = found.get(entry["step"])
            if other is None:
                found[entry["step"]] = mine
                continue
            worst = min(mine, other, key=lambda one: _WORST.index(one["result"]))
            found[entry["step"]] = dict(worst, ms=mine["ms"] + other["ms"])
    return list(found.values())
