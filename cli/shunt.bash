# SPDX-License-Identifier: BSD-3-Clause
# bash completion of shunt: the program itself knows what may come next.
# shellcheck shell=bash source=/dev/null
source <(shunt completion bash)
