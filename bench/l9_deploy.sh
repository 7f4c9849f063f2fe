#!/bin/sh
# The same with l9, in the working copy: `plain_deploy.sh` does it on the server.
#
#   l9_deploy.sh TAG
exec "${L9:-l9}" deploy "$1" --json
