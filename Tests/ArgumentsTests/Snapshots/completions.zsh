#compdef jukebox

_jukebox() {
    local curcontext="$curcontext" state state_descr line
    local -i ret=1
    local -A opt_args
    _arguments -C -s -S \
        '(-c --config)'{-c+,--config=}'[Read the settings from a file.]:file:_files -g "*.toml"' \
        '(--log-level)'--log-level='[How much to log.]:log-level:(debug info error)' \
        '(- *)'--version'[Show the version.]' \
        '(- *)'{-h,--help}'[Show help information.]' \
        '1: :->command' \
        '*:: :->argument' && ret=0
    case $state in
        command)
            local -a commands=(
                'play:Play files: all of them, in order.'
                'records:Look after the records.'
                'clean:Wipe the dust off.'
                'help:Show the help of a command.'
            )
            _describe -t commands command commands && ret=0
            ;;
        argument)
            case $line[1] in
                'play' | 'p') _jukebox_play && ret=0 ;;
                'records') _jukebox_records && ret=0 ;;
                'clean') _jukebox_clean && ret=0 ;;
                'help') _jukebox_help && ret=0 ;;
            esac
            ;;
    esac
    return ret
}

_jukebox_play() {
    local curcontext="$curcontext" state state_descr line
    local -i ret=1
    local -A opt_args
    _arguments -C -s -S \
        '(--json)'--json'[Print JSON.]' \
        '(-v --volume)'{-v+,--volume=}'[How loud, from 1 to 11.]:volume: ' \
        '*'{-f+,--from=}'[Where to look for files.]:dir:_files -/' \
        '(--skip)'--skip='[Seconds to skip.]:skip: ' \
        '(-a --again)'{-a,--again}'[Begin again at the end.]' \
        '(-x)'-x'[Mix \[the\] order\: '\''x'\''.]' \
        '(-c --config)'{-c+,--config=}'[Read the settings from a file.]:file:_files -g "*.toml"' \
        '(--log-level)'--log-level='[How much to log.]:log-level:(debug info error)' \
        '(- *)'{-h,--help}'[Show help information.]' \
        ':first:_files' \
        '*:rest:_files' && ret=0
    return ret
}

_jukebox_records() {
    local curcontext="$curcontext" state state_descr line
    local -i ret=1
    local -A opt_args
    _arguments -C -s -S \
        '(-c --config)'{-c+,--config=}'[Read the settings from a file.]:file:_files -g "*.toml"' \
        '(--log-level)'--log-level='[How much to log.]:log-level:(debug info error)' \
        '(--limit)'--limit='[How many to show.]:limit: ' \
        '(--offset)'--offset='[Where to begin.]:offset: ' \
        '(- *)'{-h,--help}'[Show help information.]' \
        '1: :->command' \
        '*:: :->argument' && ret=0
    case $state in
        command)
            local -a commands=(
                'find:Find records.'
                'list:List all records.'
            )
            _describe -t commands command commands && ret=0
            _arguments '*:query:(title\: it\'\''s\ \$new)' && ret=0
            ;;
        argument)
            case $line[1] in
                'find') _jukebox_records_find && ret=0 ;;
                'list') _jukebox_records_list && ret=0 ;;
            esac
            ;;
    esac
    return ret
}

_jukebox_records_find() {
    local curcontext="$curcontext" state state_descr line
    local -i ret=1
    local -A opt_args
    _arguments -C -s -S \
        '(--limit)'--limit='[How many to show.]:limit: ' \
        '(--offset)'--offset='[Where to begin.]:offset: ' \
        '(-c --config)'{-c+,--config=}'[Read the settings from a file.]:file:_files -g "*.toml"' \
        '(--log-level)'--log-level='[How much to log.]:log-level:(debug info error)' \
        '(- *)'{-h,--help}'[Show help information.]' \
        ':query:(title\: it\'\''s\ \$new)' && ret=0
    return ret
}

_jukebox_records_list() {
    local curcontext="$curcontext" state state_descr line
    local -i ret=1
    local -A opt_args
    _arguments -C -s -S \
        '(--json)'--json'[Print JSON.]' \
        '(--kind)'--kind='[Which ones.]:kind:(45 33)' \
        '(-c --config)'{-c+,--config=}'[Read the settings from a file.]:file:_files -g "*.toml"' \
        '(--log-level)'--log-level='[How much to log.]:log-level:(debug info error)' \
        '(- *)'{-h,--help}'[Show help information.]' && ret=0
    return ret
}

_jukebox_clean() {
    local curcontext="$curcontext" state state_descr line
    local -i ret=1
    local -A opt_args
    _arguments -C -s -S \
        '(-c --config)'{-c+,--config=}'[Read the settings from a file.]:file:_files -g "*.toml"' \
        '(--log-level)'--log-level='[How much to log.]:log-level:(debug info error)' \
        '(- *)'{-h,--help}'[Show help information.]' \
        '::place:_files -/' && ret=0
    return ret
}

_jukebox_help() {
    local curcontext="$curcontext" state state_descr line
    local -i ret=1
    local -A opt_args
    _arguments -C -s -S \
        '(- *)'{-h,--help}'[Show help information.]' \
        '*:command:(play records clean)' && ret=0
    return ret
}

# Called by the completion system when autoloaded from $fpath, or sourced.
if [[ $funcstack[1] == _jukebox ]]; then
    _jukebox "$@"
else
    compdef _jukebox jukebox
fi
