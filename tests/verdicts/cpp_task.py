"""A small task in C++: building it takes a third of what the shipped ones take, and every attack builds it anew."""

from __future__ import annotations

from pathlib import Path

from coding_tasks import lines_of, write_task

HEADER = "#pragma once\n#include <vector>\n\nlong total(const std::vector<long>& numbers);\n"
SOURCE = """\
#include "total.hpp"

long total(const std::vector<long>& numbers) {
    long sum = 0;
    for (std::size_t index = 1; index < numbers.size(); ++index) sum += numbers[index];
    return sum;
}
"""
DRIVER = """\
#include "total.hpp"

Value call(const std::string&, const std::vector<Value>& args) {
    std::vector<long> numbers;
    for (const Value& item : args.at(0).list()) numbers.push_back(item.integer());
    return total(numbers);
}
"""
TASK = """\
title: Add up numbers
language: cpp
kind: bugfix
difficulty: easy
tags: [numbers]
editable: ["*.hpp", "*.cpp"]
"""


def diff_of(first: str, more: str = "") -> str:
    """Return a diff that begins the sum at another index, and at another number."""
    return (
        "diff --git a/total.cpp b/total.cpp\n--- a/total.cpp\n+++ b/total.cpp\n@@ -2,5 +2,5 @@\n \n"
        f" long total(const std::vector<long>& numbers) {{\n-    long sum = 0;\n+    long sum = 0{more};\n"
        "-    for (std::size_t index = 1; index < numbers.size(); ++index) sum += numbers[index];\n"
        f"+    for (std::size_t index = {first}; index < numbers.size(); ++index) sum += numbers[index];\n"
        "     return sum;\n"
    )


def write_cpp_task(tasks_dir: Path) -> Path:
    """Write the task and return its folder."""
    calls = [
        {
            "id": f"total-of-{count}-numbers",
            "fn": "total",
            "args": [[*range(7, 7 + count)]],
            "expect": sum(range(7, 7 + count)),
        }
        for count in range(15)
    ]
    python = ("workspace/doubling.py", "judge/driver.py", "judge/mutants/squares.diff", "judge/mutants/never.diff")
    files: dict[str, str | None] = {
        **dict.fromkeys(python),
        "task.yaml": TASK,
        "prompt.md": "`total` in `total.cpp` must return the sum of all numbers.\n",
        "workspace/total.hpp": HEADER,
        "workspace/total.cpp": SOURCE,
        "public_tests/examples.jsonl": lines_of([{"id": "two", "fn": "total", "args": [[1, 2]], "expect": 3}]),
        "judge/driver.hpp": DRIVER,
        "judge/cases.jsonl": lines_of(calls),
        "judge/oracle.diff": diff_of("0"),
        "judge/half.diff": diff_of("0", " * 1"),
        **{f"judge/mutants/more-{number}.diff": diff_of("0", f" + {number}") for number in (1, 2, 3, 4)},
    }
    return write_task(tasks_dir, "cpp_total", **files)
