"""Test cases for requirements files that pin what they install, and those that do not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from l9.checks.dependencies.locks import Include, Loose, Pin, read_requirements

SPEC = """\
# Do NOT use >= or ~= in production
fastapi==0.104.1
uvicorn[standard]==0.24.0
psycopg[binary]==3.1.18
openai==1.3.9
slack-bolt==1.18.1
python-dotenv==1.0.0
# ... (all pinned exactly)
"""

HASHED = """\
--index-url https://pypi.example.com/simple
--require-hashes
anyio==4.4.0 ; python_version >= "3.8" \\
    --hash=sha256:c1b2d8f46a8a812513012e1107cb0e68c17159a7a594208005a57dc776e1bdc7 \\
    --hash=sha256:5aadc6a1bbb7cdb0bede386cac5e2940f5e2ff3aa20277e991cf028e0585ce94
    # via starlette
Typing_Ext[a, b] == 4.12.2 --hash sha256:04e5ca0351e0f3f85c6853954072df659d0d13fac324d0072316b67d7794700d
"""


def why(line: str) -> str:
    ((_, _, reason),) = read_requirements(line).loose
    return reason


def test_the_file_of_the_spec_is_exact() -> None:
    report = read_requirements(SPEC)
    assert [(pin.line_no, pin.name, pin.version) for pin in report.exact] == [
        (2, "fastapi", "0.104.1"),
        (3, "uvicorn", "0.24.0"),
        (4, "psycopg", "3.1.18"),
        (5, "openai", "1.3.9"),
        (6, "slack-bolt", "1.18.1"),
        (7, "python-dotenv", "1.0.0"),
    ]
    assert report.exact[1].extras == ("standard",)
    assert (report.loose, report.includes, report.hashed) == ((), (), False)


def test_hashes_over_continued_lines() -> None:
    report = read_requirements(HASHED)
    anyio, typing = report.exact
    assert (anyio.line_no, anyio.marker, len(anyio.hashes)) == (3, 'python_version >= "3.8"', 2)
    assert typing == Pin(7, "typing-ext", "4.12.2", ("a", "b"), "", typing.hashes)
    assert len(typing.hashes) == 1
    assert report.hashed
    assert not read_requirements(HASHED + "click==8.1.7\n").hashed
    assert not read_requirements(HASHED + "click\n").hashed


@pytest.mark.parametrize(
    "line",
    [
        "click===8.1.7",
        "click == 8.1.7",
        "click (==8.1.7)",
        "click==8.1.7,!=8.1.8",
        "click==8.1.7;os_name=='nt'",
        "click[x]==8.1.7 # why",
        "\ufeffclick==8.1.7",
    ],
)
def test_other_ways_to_be_exact(line: str) -> None:
    (pin,) = read_requirements(line).exact
    assert (pin.name, pin.version) == ("click", "8.1.7")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("click", "no version: the newest is installed"),
        ("click[extra]", "no version: the newest is installed"),
        ("click>=8", "'>=8' is a range; '==' with one version is exact"),
        ("click~=8.1", "'~=8.1' is a range; '==' with one version is exact"),
        ("click>=8,<9", "'>=8, <9' is a range; '==' with one version is exact"),
        ("click==8.*", "'==8.*' is a range; '==' with one version is exact"),
        ("-e .", "an editable install has no fixed version"),
        ("--editable=git+https://example.com/x.git", "an editable install has no fixed version"),
        ("git+https://example.com/x.git@main#egg=x", "a URL or a path has no fixed version"),
        ("x @ https://example.com/x-1.0.whl", "a URL or a path has no fixed version"),
        ("./vendor/x", "a URL or a path has no fixed version"),
        ("vendor/x-1.0.tar.gz", "a URL or a path has no fixed version"),
        ("x-1.0-py3-none-any.whl", "a URL or a path has no fixed version"),
        ("click=8.1.7", "not a requirement that pip understands"),
        ("click==latest", "not a requirement that pip understands"),
        ("click==", "not a requirement that pip understands"),
        ("click==8.1.7 8.1.8", "not a requirement that pip understands"),
        ("<<<<<<< HEAD", "not a requirement that pip understands"),
        ("- click==8.1.7", "not a requirement that pip understands"),
        (".", "not a requirement that pip understands"),
    ],
)
def test_a_loose_line_says_why(line: str, reason: str) -> None:
    assert why(line) == reason


def test_credentials_in_urls_are_left_out() -> None:
    ((line_no, line, _),) = read_requirements("\nx @ git+https://me:TOKEN@example.com/x.git").loose
    assert (line_no, line) == (2, "x @ git+https://***@example.com/x.git")


@pytest.mark.parametrize(
    "line",
    ["-r base.txt", "-rbase.txt", "--requirement base.txt", "--requirement=base.txt", "-c base.txt # x"],
)
def test_includes_are_reported(line: str) -> None:
    constraint = line.startswith("-c")
    assert read_requirements(line).includes == (Include(1, "base.txt", constraint),)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "# click",
        "   # click",
        "--index-url https://x",
        "--extra-index-url=https://x",
        "-i https://x",
        "-f ./wheels",
        "--no-binary :all:",
    ],
)
def test_options_and_comments_are_passed_over(line: str) -> None:
    report = read_requirements(line)
    assert (report.exact, report.loose, report.includes, report.hashed) == ((), (), (), False)


def test_continued_lines_as_pip_joins_them() -> None:
    assert [pin.version for pin in read_requirements("click==\\\n8.1.7").exact] == ["8.1.7"]
    assert [pin.version for pin in read_requirements("click==8.1.7 \\").exact] == ["8.1.7"]
    # A comment line ends a continuation; a continued comment takes the next line with it.
    assert len(read_requirements("click==8.1.7 \\\n# x \\\nrich==13.0").exact) == 2
    assert len(read_requirements("click==8.1.7 # x \\\nrich==13.0").exact) == 1


@given(st.text())
def test_any_text_is_sorted(text: str) -> None:
    report = read_requirements(text)
    numbers = [entry.line_no for entry in (*report.exact, *report.loose, *report.includes)]
    assert all(1 <= number <= len(text.splitlines()) for number in numbers)
    assert all(isinstance(entry, Loose) and entry.line for entry in report.loose)


@given(
    st.from_regex(r"[a-z][a-z0-9]{0,9}", fullmatch=True),
    st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}){0,3}((a|b|rc|\.post|\.dev)[0-9])?", fullmatch=True),
    st.sampled_from(["==", ">=", "~=", "<", "!=", "<=", ">"]),
)
def test_only_two_equals_signs_are_exact(name: str, version: str, operator: str) -> None:
    report = read_requirements(f"{name}{operator}{version}")
    assert bool(report.exact) is (operator == "==")
    assert bool(report.loose) is (operator != "==")
