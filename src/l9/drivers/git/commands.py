"""git: argument vectors and parsers. Callers have checked the names of tags (`checks/git/versions.py`)."""

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
    """Show the status of the working directory in the porcelain format."""
    return ("git", "status", "--porcelain=v2", "-z", "--branch", "--untracked-files=all")


def parse_status(out: str) -> Workspace:
    """Parse `git status --porcelain=v2 -z --branch`."""
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
            next(fields)  # the former path of a rename
        elif field.startswith("u "):
            changed.append(field.split(" ", 10)[10])
    return Workspace(branch, tuple(untracked), tuple(changed))


def show_tag(name: str) -> Argv:
    """Show one tag, fields separated by NUL."""
    return ("git", "for-each-ref", f"--format={'%00'.join(_TAG_FIELDS)}", f"refs/tags/{name}")


def parse_tag(name: str, out: str) -> Tag:
    """Parse `show_tag`'s output; a Tag of kind `absent` if there is no such tag.

    The commit is empty unless the tag names a commit directly: a tag of a tag must be peeled.
    git's pattern also matches folders: `release` finds `release/1` if there is no `release`.
    """
    found, _, rest = out.partition("\0")
    if found != name:
        return Tag(name)
    kind, of, object_id, peeled, tree, tagger, contents = rest.split("\0", 6)
    message = SIGNATURE.sub("", contents)  # an old git does not strip SSH signatures
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
    """Print the commit and the tree of a tag, a line each; fails if it is not of a commit."""
    return ("git", "rev-parse", f"refs/tags/{name}^{{commit}}", f"refs/tags/{name}^{{tree}}")


def list_tags() -> Argv:
    """List the names of all tags, oldest version first."""
    return ("git", "for-each-ref", "--format=%(refname:strip=2)", "--sort=version:refname", "refs/tags")


def is_ancestor(commit: str, of: str) -> Argv:
    """Exit code 0 if `commit` is reachable from `of`."""
    return ("git", "merge-base", "--is-ancestor", commit, of)


def read_setting(name: str, kind: str = "") -> Argv:
    """Print one git setting; exit code 1 if it is not set. `kind` is its type, such as path."""
    return ("git", "config", *((f"--type={kind}",) if kind else ()), "--get", name)


def remote_url(remote: str = "origin") -> Argv:
    return ("git", "remote", "get-url", "--", remote)


def ls_remote(main: str, tag: str, remote: str = "origin") -> Argv:
    """List the remote's references for main and the tag."""
    return ("git", "ls-remote", "--", remote, f"refs/heads/{main}", f"refs/tags/{tag}")


def ls_remote_tag(tag: str, remote: str = "origin") -> Argv:
    """List the remote's tag and the object that it peels to."""
    return ("git", "ls-remote", "--", remote, f"refs/tags/{tag}", f"refs/tags/{tag}^{{}}")


def parse_ls_remote(out: str) -> dict[str, str]:
    """Parse to reference name to object id."""
    pairs = (line.split("\t", 1) for line in out.splitlines() if "\t" in line)
    return {name: object_id for object_id, name in pairs}


def fetch(main: str, tag: str, remote: str = "origin") -> Argv:
    """Fetch main, the one tag and l9's notes; git itself refuses a tag that moved."""
    return (
        "git", "fetch", "--no-tags", "--no-prune", "--no-prune-tags", "--quiet", remote,
        f"+refs/heads/{main}:refs/remotes/{remote}/{main}",
        f"refs/tags/{tag}:refs/tags/{tag}",
        f"+{NOTES}*:{NOTES}*",
    )  # fmt: skip


def repack() -> Argv:
    """Pack the loose objects, and small packs together; unreachable objects stay."""
    return ("git", "repack", "--geometric=2", "-d", "--quiet", "--no-write-bitmap-index")


def pack_references() -> Argv:
    """Move all references into one file."""
    return ("git", "pack-refs", "--all")


def push(main: str, tag: str, *also: str, remote: str = "origin") -> Argv:
    """Push main, the tag and these references atomically (spec 6.1 phase 2)."""
    refs = (f"refs/heads/{main}", f"refs/tags/{tag}", *also)
    return ("git", "push", "--atomic", "--porcelain", remote, *(f"{ref}:{ref}" for ref in refs))


def push_in_turn(main: str, tag: str, *also: str, remote: str = "origin") -> tuple[Argv, Argv]:
    """Push as `push` does, in two steps, the tag last: for a remote without atomic pushes."""
    first, *then = f"refs/heads/{main}", *also, f"refs/tags/{tag}"
    begin = ("git", "push", "--porcelain", remote)
    return (*begin, f"{first}:{first}"), (*begin, *(f"{ref}:{ref}" for ref in then))


def unshallow(main: str, remote: str = "origin") -> Argv:
    """Fetch the parts that a shallow clone lacks: the whole history, and main."""
    return ("git", "fetch", "--unshallow", remote, f"+refs/heads/{main}:refs/remotes/{remote}/{main}")


def revision(tag: str) -> str:
    """Return git's name of a tag; HEAD for an empty name, the tag that does not exist yet."""
    return f"refs/tags/{tag}" if tag else "HEAD"


def show_head() -> Argv:
    """Print HEAD's commit and tree, a line each; fails before the first commit."""
    return ("git", "rev-parse", "HEAD^{commit}", "HEAD^{tree}")


def changed_python(old: str, new: str) -> Argv:
    """Diff the Python files of two trees, as the objects are stored."""
    return ("git", "-c", "core.quotePath=false", "diff", "--unified=0", old, new, "--", "*.py")


def parse_changed_files(diff: str) -> tuple[str, ...]:
    """Return the files that such a diff adds lines to."""
    return tuple(line[6:].rstrip("\t") for line in diff.splitlines() if line.startswith("+++ b/"))


def merged_tags() -> Argv:
    """List the tags that are reachable from HEAD, oldest version first."""
    return (*list_tags(), "--merged=HEAD")


def list_known() -> Argv:
    """List all tracked and untracked paths of the working directory, without ignored ones."""
    return ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")


def ignored_of() -> Argv:
    """List those of the paths on standard input (separated by NUL) that git ignores; exit code 1 for none."""
    return ("git", "check-ignore", "-z", "--stdin")


def origin_head() -> Argv:
    """Print origin's default branch."""
    return ("git", "symbolic-ref", "--quiet", "refs/remotes/origin/HEAD")


def known_of_origin(branch: str) -> Argv:
    """Exit code 0 if origin had that branch at the last fetch."""
    return ("git", "rev-parse", "--verify", "--quiet", f"refs/remotes/origin/{branch}")


def current_branch() -> Argv:
    """Print the branch that is checked out; fails on a detached HEAD."""
    return ("git", "symbolic-ref", "--quiet", "HEAD")


def read_file(tag: str, path: str) -> Argv:
    """Print one file of the tag's tree."""
    return ("git", "cat-file", "blob", f"{revision(tag)}:{path}")


def checkout(tag: str) -> Argv:
    """Check out the tag's commit, overwriting local changes."""
    return ("git", "checkout", "--quiet", "--force", "--detach", f"refs/tags/{tag}")


def head() -> Argv:
    return ("git", "rev-parse", "--verify", "--quiet", "HEAD")


def show_prefix() -> Argv:
    """Print the working directory's path below the top of its repository, with a final slash; empty at the top."""
    return ("git", "rev-parse", "--show-prefix")


def list_entries(revision: str, *, sizes: bool = True) -> Argv:
    """List every entry of a tree with mode, kind, object and size, separated by NUL."""
    return ("git", "ls-tree", "-r", "-z", *(("-l",) if sizes else ()), "--full-tree", revision)


def list_entry(tree: str, path: str) -> Argv:
    """List what a tree has at one path, as `list_entries` does; a directory is one entry."""
    return ("git", "--literal-pathspecs", "ls-tree", "-z", "-l", "--full-tree", tree, "--", path)


def parse_entries(out: str) -> dict[str, TreeEntry]:
    """Parse `list_entries`' output, by path. Directories, submodules and missing objects have no size."""
    found = {}
    for line in filter(None, out.split("\0")):
        about, _, path = line.partition("\t")
        mode, kind, object_id, *size = about.split()
        found[path] = TreeEntry(mode, kind, object_id, int(size[0]) if size and size[0].isdigit() else 0)
    return found


def read_sizes() -> Argv:
    """Print the size of the objects whose ids are on standard input."""
    return ("git", "cat-file", "--batch-check=%(objectname) %(objectsize)")


def parse_sizes(out: bytes) -> dict[str, int]:
    """Parse `read_sizes`' output, by id; without missing objects."""
    rows = (line.split() for line in out.decode().splitlines())
    return {name: int(size) for name, size in rows if size.isdigit()}


def read_objects() -> Argv:
    """Print many objects with one process: ids on standard input, a line each."""
    return ("git", "cat-file", "--batch")


def parse_objects(out: bytes) -> list[bytes | None]:
    """Parse `read_objects`' output: each object's bytes in the order of the request, None for a missing one."""
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
    """List a tree's text files with a line that matches this extended regular expression; exit code 1 for none."""
    return ("git", "grep", "-z", "-l", "-I", "-E", "--full-name", "-e", pattern, revision, "--", *paths)


def parse_grep_names(out: str, revision: str) -> tuple[str, ...]:
    """Parse the paths in `grep_names`' output."""
    return tuple(path.removeprefix(f"{revision}:") for path in out.split("\0") if path)
