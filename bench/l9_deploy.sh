#!/bin/sh
# The equivalent of plain_deploy.sh with l9, run in the working copy instead of on the server.
#
#   l9_deploy.sh TAG
exec "${L9:-l9}" deploy "$1" --json
