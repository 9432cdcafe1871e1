# SPDX-License-Identifier: Apache-2.0
"""Runs the checks of one client and tells the test that started it how each went: a line of JSON per check."""

import asyncio
import inspect
import json
import traceback

_checks = []


def check(function):
    """Registers a check; its docstring is its name."""
    _checks.append(function)
    return function


def _report(function, error):
    print(json.dumps({"check": inspect.getdoc(function), "error": error}), flush=True)


def run(*arguments):
    """Calls every check with `arguments`, in order."""
    for function in _checks:
        try:
            function(*arguments)
            _report(function, None)
        except BaseException:  # an exit of the client library is a failure of the check
            _report(function, traceback.format_exc())


async def run_async(*arguments):
    for function in _checks:
        try:
            await asyncio.wait_for(function(*arguments), 60)
            _report(function, None)
        except BaseException:
            _report(function, traceback.format_exc())


def raises(error, call, *arguments, **options):
    """The error that the call raises."""
    try:
        call(*arguments, **options)
    except error as raised:
        return raised
    raise AssertionError(f"expected {error.__name__}")
