# SPDX-License-Identifier: ISC
# shellcheck shell=bash
#
# bash completion for ringspan(1). Objects and options are read out of `ringspan help`, what may
# follow an object out of the usage line of its help, and names of ports and bridges come from the
# daemon: nothing here has to be kept in step with the tool, but the list of states.
#
# A name is whatever the kernel takes, "$(reboot)" included: no name is ever expanded, and each is
# offered quoted.

# _ringspan_offer WORD... : those that begin like what was typed, once each.
_ringspan_offer() {
    local word quoted
    for word; do
        [[ $word == "$cur"* ]] || continue
        printf -v quoted %q "$word"
        [[ " ${COMPREPLY[*]} " == *" $quoted "* ]] || COMPREPLY+=("$quoted")
    done
}

# Each line of standard input is a word to offer.
_ringspan_offer_lines() {
    local lines
    mapfile -t lines
    _ringspan_offer "${lines[@]}"
}

_ringspan_help() {
    "$tool" help "$@" 2>/dev/null
}

_ringspan_objects() {
    _ringspan_help | sed -n '/^OPTIONS/q; s/^  \([a-z]\{1,\}\)  .*/\1/p'
}

# The names that `ringspan -j OBJECT` lists. A daemon that does not answer is not waited for.
_ringspan_names() {
    timeout 1 "$tool" ${socket:+-S "$socket"} -j "$1" 2>/dev/null </dev/null |
        grep -o '{"name":"[^"\\]*"' | cut -d'"' -f4
}

_ringspan_sockets() {
    local path
    for path in /run/ringspan/*.sock; do
        [[ -S $path ]] && basename "$path" .sock
    done
}

# The usage lines of an object, without the words in front; one may go on in the next.
_ringspan_usage() {
    _ringspan_help "$1" | sed -n '/^$/q; s/^\(Usage:\)\{0,1\} *ringspan [a-z]* *//p; s/^  *\[/[/p'
}

# Usage lines on standard input, one bracketed or bare part per line. What comes first and stands
# for itself is a part of its own; so is each alternative, but for those of an option's value.
_ringspan_parts() {
    sed 's/^\([A-Z]\{1,\}\) /[\1]/; s/\.\.\.//g; s/[][]/\n/g; s/ --/\n--/g' |
        sed '/^ *-/!s/|/\n/g' | sed 's/^ *//; s/ *$//; /^$/d'
}

# What the help of a verb lists as keys.
_ringspan_keys() {
    _ringspan_help "$object" "$verb" | sed -n '1,/^KEY$/d; s/^  \([a-z_]\{1,\}\) .*/\1/p'
}

# Why frames are dropped: triggers of the recorder have the reasons in them.
_ringspan_reasons() {
    "$tool" schema 2>/dev/null | grep -o '"drop:[a-z_]*"' | tr -d '"' | cut -d: -f2
}

# What stands for a value in the usage, for the object's own NAME too.
_ringspan_offer_value() {
    case $1 in
    BRIDGE) _ringspan_offer_lines < <(_ringspan_names bridge) ;;
    PORT) _ringspan_offer_lines < <(_ringspan_names port) ;;
    NAME) _ringspan_offer_lines < <(_ringspan_names "$object") ;;
    KEY) _ringspan_offer_lines < <(_ringspan_keys) ;;
    REASON) _ringspan_offer_lines < <(_ringspan_reasons) ;;
    *'|'*) _ringspan_offer_lines < <(tr '|' '\n' <<<"$1") ;;
    STATE) _ringspan_offer waiting down blocking learning forwarding disabled error ;;
    SOCKET)
        _ringspan_offer_lines < <(_ringspan_sockets)
        _ringspan_offer_value FILE
        ;;
    FILE)
        compopt -o filenames 2>/dev/null
        mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$cur")
        ;;
    esac
}

# Finds the verb among what was typed, and the parts of the usage that concern it: a verb is a bare
# word in front of its usage.
_ringspan_read_usage() {
    local line lines verbs=()
    mapfile -t lines < <(_ringspan_usage "$object")
    for line in "${lines[@]}"; do
        [[ $line =~ ^[a-z]+ ]] || continue
        [[ " ${verbs[*]} " == *" $BASH_REMATCH "* ]] || verbs+=("$BASH_REMATCH")
        if [[ -z $verb && -n ${words[1]} && $BASH_REMATCH == "${words[1]}"* &&
            show != "${words[1]}"* ]]; then
            verb=$BASH_REMATCH
        fi
    done
    ((${#words[@]} > 1)) || verbs_to_offer=("${verbs[@]}")
    mapfile -t parts < <(
        for line in "${lines[@]}"; do
            if [[ -n $verb ]]; then
                [[ $line != "$verb"* ]] || printf '%s\n' "${line#"$verb" }"
            elif [[ ! $line =~ ^[a-z] ]]; then
                printf '%s\n' "$line"
            fi
        done | _ringspan_parts
    )
}

# The options of an object.
_ringspan_offer_options() {
    local part
    for part in "${parts[@]}"; do
        [[ $part != -* ]] || _ringspan_offer "${part%% *}"
    done
}

# Behind an object: the value of the keyword that was just given, else what was not given yet. An
# object may have the name of a keyword.
_ringspan_behind_object() {
    local parts part keyword value bare=() verb= verbs_to_offer=()
    _ringspan_read_usage
    for part in "${parts[@]}"; do
        read -r keyword value <<<"$part"
        if [[ -n $value && $keyword == "$previous" ]] &&
            [[ $keyword == -* || ${#words[@]} -gt 1 ]]; then
            _ringspan_offer_value "$value"
            return
        fi
    done
    # The name that a verb is about comes first.
    if [[ -n $verb && ${#words[@]} == 2 && ${parts[0]} == [A-Z]* ]]; then
        _ringspan_offer_value "${parts[0]}"
        return
    fi
    # Whatever a key takes, it is no word of the usage.
    if [[ -n $verb && " ${parts[*]} " == *" KEY VALUE "* ]] &&
        _ringspan_keys | grep -qx -- "$previous"; then
        return
    fi
    for part in "${parts[@]}"; do
        read -r keyword value <<<"$part"
        if [[ $keyword == *[A-Z]* ]]; then
            [[ -n $verb && $keyword == NAME ]] || bare+=("$keyword")
        elif [[ $keyword == -* ]]; then
            continue
        elif [[ " ${words[*]:1} " != *" $keyword "* ]] &&
            [[ $keyword != show || ${#words[@]} == 1 ]]; then
            _ringspan_offer "$keyword"
        fi
    done
    if [[ $cur == -* ]]; then
        _ringspan_offer_options
        return
    fi
    _ringspan_offer "${verbs_to_offer[@]}"
    for value in "${bare[@]}"; do
        _ringspan_offer_value "$value"
    done
    # Who has to begin with a dash is told so.
    ((${#COMPREPLY[@]} > 0)) || _ringspan_offer_options
}

# Sorts the words before the cursor: the socket, the object and what follows it.
_ringspan_read_line() {
    local i
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        -S | --socket)
            socket=${COMP_WORDS[++i]}
            [[ $socket != = ]] || socket=${COMP_WORDS[++i]}
            ;;
        -*) ;;
        *) words+=("${COMP_WORDS[i]}") ;;
        esac
    done
    ((i <= COMP_CWORD)) || socket= # what is being typed
    previous=${COMP_WORDS[COMP_CWORD - 1]}
    # bash takes --for=down for three words.
    if [[ $cur == = ]]; then
        cur=
    elif [[ $previous == = ]]; then
        previous=${COMP_WORDS[COMP_CWORD - 2]}
    fi
}

_ringspan() {
    local tool=$1 cur=${COMP_WORDS[COMP_CWORD]} previous= socket= object= words=() objects=()
    COMPREPLY=()
    _ringspan_read_line
    if [[ $previous == -S || $previous == --socket ]]; then
        _ringspan_offer_value SOCKET
        return
    fi
    if [[ $cur == -* ]]; then
        _ringspan_offer_lines < <(_ringspan_help |
            sed -n 's/^  \(-[A-Za-z]\), \(--[a-z]*\) .*/\1\n\2/p')
    fi
    mapfile -t objects < <(_ringspan_objects)
    [[ ${words[0]} != help ]] || words=("${words[@]:1}")
    if ((${#words[@]} == 0)); then
        [[ $cur == -* ]] || _ringspan_offer "${objects[@]}" help
        return
    fi
    # A shortened object is the first that begins like it, as the tool has it.
    for object in "${objects[@]}" ''; do
        [[ $object == "${words[0]}"* ]] && break
    done
    [[ -z $object ]] || _ringspan_behind_object
}

complete -F _ringspan ringspan
