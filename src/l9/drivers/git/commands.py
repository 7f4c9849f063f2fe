"""git: argument vectors and parsers. Names of tags are checked before they get here (`core/versions.py`)."""

from __future__ import annotations

from l9.checks.git.facts import Workspace
from l9.checks.git.messages import SIGNATURE
from l9.core.facts import Tag
from l9.drivers.git.notes_commands import NOTES
from l9.drivers.git.objects.tree_rules import TreeEntry

Argv = tuple[str, ...]


_TAG_FIELDS = (
    "%(refname:strip=2)", "%(objecttype)", "%(*objecttype)", "%(objectname)", "%(*objectname)", "%(tree)%(*tree)",
    "%(taggername) %(taggeremail)", "%(contents)",
)  # fmt: skip


def status() -> Argv:
    """The working directory, for machines."""
    return ("git", "status", "--porcelain=v2", "-z", "--branch", "--untracked-files=all")


def parse_status(out: str) -> Workspace:
    """`git status --porcelain=v2 -z --branch`, as facts."""
    branch: str | None = None
    untracked: list[str] = []
    changed: list[str] = []
    fields = iter(out.split("\0"))
    for field in fields:
        if field.startswith("# branch.head "):
            name = field.removeprefix("# branch.head ")
            branch = None if name == "(detached)" else name
        elif field.startswith("? "):
            untracked.append(field[2:])
        elif field.startswith("1 "):
            changed.append(field.split(" ", 8)[8])
        elif field.startswith("2 "):
            changed.append(field.split(" ", 9)[9])
            next(fields)  # the path that it was renamed from
        elif field.startswith("u "):
            changed.append(field.split(" ", 10)[10])
    return Workspace(branch, tuple(untracked), tuple(changed))


def show_tag(name: str) -> Argv:
    """One tag with all that is asked of it, fields divided by NUL."""
    return ("git", "for-each-ref", f"--format={'%00'.join(_TAG_FIELDS)}", f"refs/tags/{name}")


def parse_tag(name: str, out: str) -> Tag:
    """`show_tag`'s output; a Tag of kind `absent` when there is no such tag.

    Only where it names a commit itself is there a commit in it: a tag of a tag has to be peeled.
    git's pattern matches folders too: `release` finds `release/1`, and only where there is no `release` itself.
    """
    found, _, rest = out.partition("\0")
    if found != name:
        return Tag(name)
    kind, of, object_id, peeled, tree, tagger, contents = rest.split("\0", 6)
    message = SIGNATURE.sub("", contents)  # an old git does not know the SSH kind
    return Tag(
        name=name,
        object_id=object_id,
        kind=kind,
        commit=object_id if kind == "commit" else peeled if of == "commit" else "",
        tree=tree,
        message=message.strip() if kind == "tag" else "",
        tagger=tagger.strip(),
        signature="none" if message == contents else "unchecked",
    )


def peel(name: str) -> Argv:
    """The commit and the tree that a tag stands for, a line each; it fails where that is no commit."""
    return ("git", "rev-parse", f"refs/tags/{name}^{{commit}}", f"refs/tags/{name}^{{tree}}")


def list_tags() -> Argv:
    """The names of all tags, oldest version first."""
    return ("git", "for-each-ref", "--format=%(refname:strip=2)", "--sort=version:refname", "refs/tags")


def is_ancestor(commit: str, of: str) -> Argv:
    """Exit code 0 when `commit` is reachable from `of`."""
    return ("git", "merge-base", "--is-ancestor", commit, of)


def read_setting(name: str, kind: str = "") -> Argv:
    """One setting of git's; exit code 1 where there is none. `kind` is how to read it, such as path."""
    return ("git", "config", *((f"--type={kind}",) if kind else ()), "--get", name)


def remote_url(remote: str = "origin") -> Argv:
    return ("git", "remote", "get-url", "--", remote)


def ls_remote(main: str, tag: str, remote: str = "origin") -> Argv:
    """What the remote has for main and for the tag."""
    return ("git", "ls-remote", "--", remote, f"refs/heads/{main}", f"refs/tags/{tag}")


def ls_remote_tag(tag: str, remote: str = "origin") -> Argv:
    """What the remote has under a tag's name, and what that peels to."""
    return ("git", "ls-remote", "--", remote, f"refs/tags/{tag}", f"refs/tags/{tag}^{{}}")


def parse_ls_remote(out: str) -> dict[str, str]:
    """Reference name to object id."""
    pairs = (line.split("\t", 1) for line in out.splitlines() if "\t" in line)
    return {name: object_id for object_id, name in pairs}


def fetch(main: str, tag: str, remote: str = "origin") -> Argv:
    """Main, the one tag and l9's notes; a tag that moved is refused by git itself."""
    return (
        "git", "fetch", "--no-tags", "--no-prune", "--no-prune-tags", "--quiet", remote,
        f"+refs/heads/{main}:refs/remotes/{remote}/{main}",
        f"refs/tags/{tag}:refs/tags/{tag}",
        f"+{NOTES}*:{NOTES}*",
    )  # fmt: skip


def push(main: str, tag: str, *also: str, remote: str = "origin") -> Argv:
    """Main, the tag and these references (spec 6.1 phase 2): all or none."""
    refs = (f"refs/heads/{main}", f"refs/tags/{tag}", *also)
    return ("git", "push", "--atomic", "--porcelain", remote, *(f"{ref}:{ref}" for ref in refs))


def push_in_turn(main: str, tag: str, *also: str, remote: str = "origin") -> tuple[Argv, Argv]:
    """As `push`, for a remote that takes several references one after the other only: the tag comes last."""
    first, *then = f"refs/heads/{main}", *also, f"refs/tags/{tag}"
    begin = ("git", "push", "--porcelain", remote)
    return (*begin, f"{first}:{first}"), (*begin, *(f"{ref}:{ref}" for ref in then))


def unshallow(main: str, remote: str = "origin") -> Argv:
    """Fetch what a shallow clone lacks: the whole history, and main, which a clone of one tag does not have."""
    return ("git", "fetch", "--unshallow", remote, f"+refs/heads/{main}:refs/remotes/{remote}/{main}")


def revision(tag: str) -> str:
    """What git calls a tag; HEAD for the tag that does not exist yet, whose name is empty."""
    return f"refs/tags/{tag}" if tag else "HEAD"


def show_head() -> Argv:
    """HEAD's commit and tree, a line each; it fails before the first commit."""
    return ("git", "rev-parse", "HEAD^{commit}", "HEAD^{tree}")


def changed_python(old: str, new: str) -> Argv:
    """The Python lines that changed between two trees, as a diff; read as the objects are stored."""
    return ("git", "-c", "core.quotePath=false", "diff", "--unified=0", old, new, "--", "*.py")


def parse_changed_files(diff: str) -> tuple[str, ...]:
    """The files that such a diff adds lines to."""
    return tuple(line[6:].rstrip("\t") for line in diff.splitlines() if line.startswith("+++ b/"))


def merged_tags() -> Argv:
    """The names of the tags that HEAD comes after, oldest version first."""
    return (*list_tags(), "--merged=HEAD")


def list_known() -> Argv:
    """All paths of the working directory that git knows, or would know: what is ignored is left out."""
    return ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")


def ignored_of() -> Argv:
    """Which of the paths on standard input (divided by NUL) git leaves out; 1 means none."""
    return ("git", "check-ignore", "-z", "--stdin")


def origin_head() -> Argv:
    """The branch that a clone of origin begins on."""
    return ("git", "symbolic-ref", "--quiet", "refs/remotes/origin/HEAD")


def known_of_origin(branch: str) -> Argv:
    """Exit code 0 when origin had that branch when it was last asked."""
    return ("git", "rev-parse", "--verify", "--quiet", f"refs/remotes/origin/{branch}")


def current_branch() -> Argv:
    """The branch that is checked out; it fails on a detached HEAD."""
    return ("git", "symbolic-ref", "--quiet", "HEAD")


def read_file(tag: str, path: str) -> Argv:
    """One file of the tag's tree."""
    return ("git", "cat-file", "blob", f"{revision(tag)}:{path}")


def checkout(tag: str) -> Argv:
    """Stand on the tag's commit, whatever is there."""
    return ("git", "checkout", "--quiet", "--force", "--detach", f"refs/tags/{tag}")


def head() -> Argv:
    return ("git", "rev-parse", "--verify", "--quiet", "HEAD")


def show_prefix() -> Argv:
    """The working directory's path below the top of its repository, with a slash at its end; empty at the top."""
    return ("git", "rev-parse", "--show-prefix")


def list_entries(revision: str) -> Argv:
    """Every entry of a tree with mode, kind, object and size, divided by NUL."""
    return ("git", "ls-tree", "-r", "-z", "-l", "--full-tree", revision)


def parse_entries(out: str) -> dict[str, TreeEntry]:
    """`list_entries`' output, by path. A submodule (kind `commit`) has no size, nor has what is not in the clone."""
    found = {}
    for line in filter(None, out.split("\0")):
        about, _, path = line.partition("\t")
        mode, kind, object_id, size = about.split()
        found[path] = TreeEntry(mode, kind, object_id, int(size) if size.isdigit() else 0)
    return found


def read_objects() -> Argv:
    """Many objects in one process: ids on standard input, a line each."""
    return ("git", "cat-file", "--batch")


def parse_objects(out: bytes) -> list[bytes | None]:
    """`read_objects`' output: each object's bytes in the order asked for, None for one that is missing."""
    found: list[bytes | None] = []
    at = 0
    while at < len(out):
        end = out.index(b"\n", at)
        header = out[at:end].split()
        if len(header) != 3:
            found.append(None)
            at = end + 1
            continue
        size = int(header[2])
        found.append(out[end + 1 : end + 1 + size])
        at = end + size + 2
    return found


def grep_names(pattern: str, revision: str, *paths: str) -> Argv:
    """Which text files of a tree hold a line that this extended regular expression finds; 1 means none."""
    return ("git", "grep", "-z", "-l", "-I", "-E", "--full-name", "-e", pattern, revision, "--", *paths)


def parse_grep_names(out: str, revision: str) -> tuple[str, ...]:
    """`grep_names`' output: the paths."""
    return tuple(path.removeprefix(f"{revision}:") for path in out.split("\0") if path)
