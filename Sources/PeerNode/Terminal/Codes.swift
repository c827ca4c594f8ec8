import API

/// Exit codes, under a name that the parser of arguments does not use too.
typealias Codes = API.ExitCode
