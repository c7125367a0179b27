# bash completion for jukebox

# Offers those of the given words that begin with what is typed.
_jukebox_words() {
    local word quoted
    for word in "$@"; do
        if [[ $word == "$cur"* ]]; then
            printf -v quoted '%q' "$word"
            COMPREPLY+=("$quoted")
        fi
    done
}

# Offers directories and the files with one of the given extensions.
_jukebox_files() {
    local extension path typed="${cur//\\/}"
    typed="${typed#[\"\']}"
    compopt -o filenames
    while IFS= read -r path; do COMPREPLY+=("$path"); done < <(compgen -d -- "$typed")
    for extension in "$@"; do
        while IFS= read -r path; do
            [[ -d $path ]] || COMPREPLY+=("$path")
        done < <(compgen -f -X "!*.$extension" -- "$typed")
    done
}

_jukebox() {
    local cur="${COMP_WORDS[COMP_CWORD]}" prev="" word="" command='jukebox'
    local -i index=1 arguments=0 literal=0
    COMPREPLY=()
    # To readline, the "=" of "--option=value" is a word by itself.
    [[ $cur == "=" ]] && cur=""
    while ((index < COMP_CWORD)); do
        word="${COMP_WORDS[index]}"
        index+=1
        [[ $word == "=" ]] && continue
        prev=""
        if ((literal)); then
            arguments+=1
            continue
        fi
        case "$command:$word" in
            'jukebox:play' | 'jukebox:p') command='jukebox play' arguments=0 ;;
            'jukebox:records') command='jukebox records' arguments=0 ;;
            'jukebox:clean') command='jukebox clean' arguments=0 ;;
            'jukebox:help') command='jukebox help' arguments=0 ;;
            'jukebox records:find') command='jukebox records find' arguments=0 ;;
            'jukebox records:list') command='jukebox records list' arguments=0 ;;
            'jukebox:-c' | 'jukebox:--config' | \
            'jukebox:--log-level' | \
            'jukebox play:-v' | 'jukebox play:--volume' | \
            'jukebox play:-f' | 'jukebox play:--from' | \
            'jukebox play:--skip' | \
            'jukebox play:-c' | 'jukebox play:--config' | \
            'jukebox play:--log-level' | \
            'jukebox records:-c' | 'jukebox records:--config' | \
            'jukebox records:--log-level' | \
            'jukebox records:--limit' | \
            'jukebox records:--offset' | \
            'jukebox records find:--limit' | \
            'jukebox records find:--offset' | \
            'jukebox records find:-c' | 'jukebox records find:--config' | \
            'jukebox records find:--log-level' | \
            'jukebox records list:--kind' | \
            'jukebox records list:-c' | 'jukebox records list:--config' | \
            'jukebox records list:--log-level' | \
            'jukebox clean:-c' | 'jukebox clean:--config' | \
            'jukebox clean:--log-level')
                prev="$word"
                [[ ${COMP_WORDS[index]} == "=" ]] && ((index < COMP_CWORD)) && index+=1
                ((index < COMP_CWORD)) && prev="" && index+=1
                ;;
            *:--) literal=1 ;;
            *:-?*) ;;
            *) arguments+=1 ;;
        esac
    done

    # The value of an option.
    case "$command:$prev" in
        'jukebox:-c' | 'jukebox:--config' | \
        'jukebox play:-c' | 'jukebox play:--config' | \
        'jukebox records:-c' | 'jukebox records:--config' | \
        'jukebox records find:-c' | 'jukebox records find:--config' | \
        'jukebox records list:-c' | 'jukebox records list:--config' | \
        'jukebox clean:-c' | 'jukebox clean:--config')
            _jukebox_files 'toml'
            return
            ;;
        'jukebox:--log-level' | \
        'jukebox play:--log-level' | \
        'jukebox records:--log-level' | \
        'jukebox records find:--log-level' | \
        'jukebox records list:--log-level' | \
        'jukebox clean:--log-level')
            _jukebox_words 'debug' 'info' 'error'
            return
            ;;
        'jukebox play:-v' | 'jukebox play:--volume' | \
        'jukebox play:--skip' | \
        'jukebox records:--limit' | \
        'jukebox records:--offset' | \
        'jukebox records find:--limit' | \
        'jukebox records find:--offset')
            :
            return
            ;;
        'jukebox play:-f' | 'jukebox play:--from')
            compopt -o dirnames
            return
            ;;
        'jukebox records list:--kind')
            _jukebox_words '45' '33'
            return
            ;;
    esac

    # The name of an option.
    if ((!literal)) && [[ $cur == -* ]]; then
        case "$command" in
            'jukebox') _jukebox_words '-c' '--config' '--log-level' '--version' '-h' '--help' ;;
            'jukebox play') _jukebox_words '--json' '-v' '--volume' '-f' '--from' '--skip' '-a' '--again' '-x' '-c' '--config' '--log-level' '-h' '--help' ;;
            'jukebox records') _jukebox_words '-c' '--config' '--log-level' '--limit' '--offset' '-h' '--help' ;;
            'jukebox records find') _jukebox_words '--limit' '--offset' '-c' '--config' '--log-level' '-h' '--help' ;;
            'jukebox records list') _jukebox_words '--json' '--kind' '-c' '--config' '--log-level' '-h' '--help' ;;
            'jukebox clean') _jukebox_words '-c' '--config' '--log-level' '-h' '--help' ;;
            'jukebox help') _jukebox_words '-h' '--help' ;;
        esac
        return
    fi

    # A subcommand or an argument.
    case "$command:$arguments" in
        'jukebox:'0) _jukebox_words 'play' 'records' 'clean' 'help' ;;
        'jukebox play:'0) compopt -o default ;;
        'jukebox play:'*) compopt -o default ;;
        'jukebox records:'0) _jukebox_words 'find' 'list'; _jukebox_words 'title:' 'it'\''s $new' ;;
        'jukebox records find:'0) _jukebox_words 'title:' 'it'\''s $new' ;;
        'jukebox clean:'0) compopt -o dirnames ;;
        'jukebox help:'*) _jukebox_words 'play' 'records' 'clean' ;;
    esac
}

complete -F _jukebox jukebox
