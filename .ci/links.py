#!/usr/bin/env python3
"""Checks every relative link of the repository's Markdown files: the file is there, and so is the heading.

Links to other sites are not followed. Ends with "N passed, M failed".
"""
import pathlib
import re
import subprocess
import sys
import urllib.parse

LINK = re.compile(r"\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)|^\[[^\]]+\]:\s*(\S+)", re.MULTILINE)
CODE = re.compile(r"^(```|~~~).*?^\1|`[^`\n]+`", re.MULTILINE | re.DOTALL)


def headings(path):
    """The anchors of a file, as the usual renderers make them from headings."""
    found, text = set(), re.sub(r"^(```|~~~).*?^\1", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    for title in re.findall(r"^#{1,6}\s+(.*?)\s*#*$", text, re.MULTILINE):
        title = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title)
        slug = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        number, unique = 0, slug
        while unique in found:
            number += 1
            unique = f"{slug}-{number}"
        found.add(unique)
    return found


def broken(path, target):
    """Why a link does not lead anywhere, or None."""
    name, _, anchor = urllib.parse.unquote(target).partition("#")
    goal = (path.parent / name) if name else path
    if not goal.exists():
        return "no such file"
    if anchor and goal.suffix == ".md" and anchor not in headings(goal):
        return "no such heading"
    return None


def main():
    listed = subprocess.run(["git", "ls-files", "-z", "*.md"], check=True, capture_output=True, text=True).stdout
    passed = failed = 0
    for path in map(pathlib.Path, filter(None, listed.split("\0"))):
        for match in LINK.finditer(CODE.sub("", path.read_text())):
            target = match[1] or match[2]
            if re.match(r"[a-z][a-z0-9+.-]*:", target):
                continue
            problem = broken(path, target)
            passed, failed = passed + (not problem), failed + bool(problem)
            if problem:
                print(f"FAILED {path}: {target}: {problem}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
