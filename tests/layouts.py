"""Repositories as people have them, made in a directory of the test's: for `l9 init`."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

BACKEND = Path(__file__).parents[1] / "examples" / "l9-backend"
DIGEST = "sha256:" + "1" * 64
WHO = {
    f"GIT_{who}_{what}": f"{what.lower()}@l9.invalid"
    for who in ("AUTHOR", "COMMITTER")
    for what in ("NAME", "EMAIL")
}

UVICORN_LOCK = "".join(
    f"{pin} \\\n    --hash=sha256:{'0' * 64}\n"
    for pin in ("fastapi==0.115.6", "uvicorn==0.34.0", "pydantic-settings==2.7.0")
)

FASTAPI_UV = {
    "pyproject.toml": (
        '[project]\nname = "shop"\nversion = "0.1.0"\nrequires-python = ">=3.12"\n'
        'dependencies = ["fastapi>=0.115", "uvicorn>=0.34", "pydantic-settings>=2"]\n'
        '[dependency-groups]\ndev = ["pytest>=8"]\n'
    ),
    "uv.lock": "".join(
        f'[[package]]\nname = "{name}"\nversion = "{version}"\n\n'
        for name, version in (
            ("fastapi", "0.115.6"),
            ("uvicorn", "0.34.0"),
            ("pydantic-settings", "2.7.0"),
            ("pytest", "8.3.4"),
        )
    ),
    "Dockerfile": (
        f"FROM python:3.12.8-slim@{DIGEST}\n"
        f"COPY --from=ghcr.io/astral-sh/uv:0.5.11@{DIGEST} /uv /bin/uv\n"
        "WORKDIR /app\n"
        "COPY pyproject.toml uv.lock ./\n"
        "RUN uv sync --locked --no-dev\n"
        "COPY src ./src\n"
        "USER 10001\n"
        "EXPOSE 8080\n"
        'HEALTHCHECK CMD ["/app/.venv/bin/python", "-c", "import urllib.request as r; '
        "r.urlopen('http://127.0.0.1:8080/healthz')\"]\n"
        'CMD ["/app/.venv/bin/uvicorn", "shop.main:app", "--app-dir", "src", "--host", "0.0.0.0", "--port", "8080"]\n'
    ),
    "compose.yaml": (
        "services:\n"
        "  web:\n"
        "    build: .\n"
        "    restart: unless-stopped\n"
        "    env_file: [.env]\n"
        '    ports: ["127.0.0.1:8000:8080"]\n'
        "    stop_grace_period: 30s\n"
        "    stop_signal: SIGTERM\n"
    ),
    "src/shop/__init__.py": "",
    "src/shop/main.py": (
        "import os\n\nfrom fastapi import FastAPI\nfrom shop.settings import Settings\n\n"
        "app = FastAPI()\nsettings = Settings()\n\n"
        '@app.get("/healthz")\ndef healthz() -> dict[str, str]:\n    return {"status": "ok"}\n\n'
        'LEVEL = os.environ.get("LOG_LEVEL", "INFO")\n'
    ),
    "src/shop/settings.py": (
        "from pydantic_settings import BaseSettings\n\n\n"
        "class Settings(BaseSettings):\n    database_url: str\n    stripe_api_key: str\n    page_size: int = 20\n"
    ),
    "tests/test_main.py": "def test_it() -> None:\n    assert True\n",
    ".gitignore": ".env\n.venv/\n",
    ".dockerignore": ".git\n.venv\n",
}

DJANGO = {
    "manage.py": "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'mysite.settings')\n",
    "mysite/__init__.py": "",
    "mysite/settings.py": (
        "import os\n\nSECRET_KEY = os.environ['DJANGO_SECRET_KEY']\nDEBUG = os.getenv('DEBUG', '') == '1'\n"
        "DATABASE_URL = os.environ['DATABASE_URL']\n"
    ),
    "mysite/urls.py": (
        "from django.urls import path\nfrom mysite import views\n\n"
        'urlpatterns = [path("health/", views.health, name="health")]\n'
    ),
    "mysite/views.py": (
        "from django.http import JsonResponse\n\n\ndef health(request):\n"
        "    return JsonResponse({'status': 'healthy'})\n"
    ),
    "mysite/wsgi.py": "application = None\n",
    "requirements.txt": "django==5.1.4\ngunicorn==23.0.0\npsycopg[binary]==3.2.3\n",
    "Dockerfile": (
        f"FROM python:3.12.8-slim@{DIGEST}\nWORKDIR /app\nCOPY requirements.txt .\n"
        "RUN pip install --no-cache-dir -r requirements.txt\nCOPY mysite ./mysite\nCOPY manage.py .\nUSER 10001\n"
        'CMD ["gunicorn", "mysite.wsgi:application", "--bind", "0.0.0.0:9000"]\n'
    ),
    "docker-compose.yml": (
        "services:\n  web:\n    build: .\n    command: python manage.py runserver 0.0.0.0:8000\n"
        '    volumes: [".:/app"]\n    ports: ["8000:8000"]\n'
    ),
    "docker-compose.prod.yml": (
        "services:\n"
        "  web:\n"
        "    build: .\n"
        "    restart: always\n"
        "    env_file: .env.prod\n"
        '    expose: ["9000"]\n'
        "    depends_on: [db]\n"
        "    stop_grace_period: 30s\n"
        "    stop_signal: SIGTERM\n"
        "    healthcheck:\n"
        '      test: ["CMD", "python", "-c", "import urllib.request as r; r.urlopen(\'http://localhost:9000/health/\')"]\n'
        "      interval: 30s\n"
        "  nginx:\n"
        "    build: ./nginx\n"
        '    ports: ["80:80"]\n'
        "    depends_on: [web]\n"
        "  db:\n"
        f"    image: postgres:16.6@{DIGEST}\n"
        "    restart: always\n"
        "    volumes: [db:/var/lib/postgresql/data]\n"
        "volumes:\n  db: {}\n"
    ),
    "nginx/Dockerfile": f"FROM nginx:1.27.3@{DIGEST}\nCOPY nginx.conf /etc/nginx/conf.d/default.conf\n",
    "nginx/nginx.conf": "server { listen 80; location / { proxy_pass http://web:9000; } }\n",
    ".env.prod.example": "DJANGO_SECRET_KEY=YOUR_KEY_HERE\nDATABASE_URL=YOUR_URL_HERE\n# DEBUG=\n",
    ".gitignore": ".env*\n!.env.prod.example\n",
    ".dockerignore": ".git\n",
}

HOST_NETWORK = {
    "server.js": (
        "const express = require('express');\nconst app = express();\n"
        "app.get('/up', (req, res) => res.json({ status: 'up' }));\n"
        "app.listen(process.env.APP_PORT || 3000);\n"
        "const token = process.env.API_TOKEN;\n"
    ),
    "package.json": '{"name": "relay", "dependencies": {"express": "4.21.2"}}\n',
    "Dockerfile": (
        f"FROM node:22.12.0-slim@{DIGEST}\nWORKDIR /app\nCOPY package.json server.js ./\n"
        'RUN npm install --omit=dev\nUSER node\nCMD ["node", "server.js"]\n'
    ),
    "docker-compose.yml": (
        "services:\n"
        "  relay:\n"
        "    build: .\n"
        "    network_mode: host\n"
        "    restart: unless-stopped\n"
        "    env_file: .env\n"
        "    environment:\n      APP_PORT: ${APP_PORT:-3000}\n"
        "    stop_grace_period: 30s\n"
        "    stop_signal: SIGTERM\n"
        "    healthcheck:\n"
        '      test: ["CMD-SHELL", "wget -qO- http://127.0.0.1:$${APP_PORT}/up || exit 1"]\n'
    ),
    ".gitignore": ".env\nnode_modules/\n",
    ".dockerignore": ".git\nnode_modules\n",
}

ONLY_A_DOCKERFILE = {
    "main.py": (
        "from fastapi import FastAPI\n\napp = FastAPI()\n\n\n"
        '@app.get("/health")\ndef health():\n    return {"status": "healthy"}\n'
    ),
    "requirements.txt": UVICORN_LOCK,
    "Dockerfile": (
        f"FROM python:3.12.8-slim@{DIGEST}\nWORKDIR /app\nCOPY requirements.txt .\n"
        "RUN pip install --no-cache-dir --require-hashes -r requirements.txt\nCOPY main.py .\nUSER 10001\n"
        'CMD ["uvicorn", "main:app", "--host", "0.0.0.0", "--port", "8000"]\n'
    ),
    ".gitignore": ".env\n",
    ".dockerignore": ".git\n",
}

FRESH = {
    "main.py": ONLY_A_DOCKERFILE["main.py"],
    "requirements.txt": UVICORN_LOCK,
    ".gitignore": ".env\n",
}


def git(work: Path, *args: str) -> str:
    done = subprocess.run(
        ("git", *args), cwd=work, env={**os.environ, **WHO}, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def make(root: Path, name: str, files: dict[str, str]) -> Path:
    """A repository with these files, and an origin; nothing is committed yet."""
    work = root / name
    work.mkdir()
    git(root, "init", "--quiet", "--bare", "--initial-branch=main", str(root / "origin.git"))
    git(work, "init", "--quiet", "--initial-branch=main")
    git(work, "remote", "add", "origin", str(root / "origin.git"))
    for path, text in files.items():
        file = work / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return work


def specs_own(root: Path) -> Path:
    """The reference backend: two services, docker/docker-compose.yml, /health, .env.example."""
    work = make(root, "l9", {})
    left_out = shutil.ignore_patterns(".venv", "__pycache__", "compose.*.yml", "l9.toml")
    shutil.copytree(BACKEND, work, dirs_exist_ok=True, ignore=left_out)
    return work
