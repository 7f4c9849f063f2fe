#!/bin/sh
# A typical deploy script without a deploy tool: check out the tag on the server, build, and replace the container
# in place. Compared with `l9 deploy`.
#
#   plain_deploy.sh TAG [SECONDS]       in the directory of compose.yml; the checkout is ./app
set -eu

tag=$1
patience=${2:-60}

git -C app fetch --quiet --tags --force origin
git -C app checkout --quiet --force "$tag"
docker compose build --quiet api
docker compose up --detach --no-deps api

began=$(date +%s)
until curl --silent --fail --max-time 2 --output /dev/null http://127.0.0.1:8100/health; do
    if [ $(($(date +%s) - began)) -ge "$patience" ]; then
        echo "$tag is not healthy after $patience s" >&2
        docker compose logs --tail 5 api >&2
        exit 1
    fi
    sleep 0.2
done
echo "$tag is up"
