/// The commented `config.yaml` of a new home: every line that sets something is a comment with its default.
enum ConfigurationTemplate {
    static func text(name: String?) -> String {
        let node =
            name.map { "node:\n  name: \(quoted($0))\n" }
            ?? "# node:\n#   name: \"my machine\"      # default: the host's name\n"
        return """
            # peernode configuration. Each field below stands with its default; remove the # to change it.
            # Flags win over the environment (PEERNODE_SUBMIT_MAX_COST), that over conf.d/*.yaml, that over this file.

            \(node)
            # network:
            #   listen: "[::]:7717"     # UDP and TCP
            #   advertise: []           # addresses that peers are told; default: found out
            #   seeds: []               # dialled at every start

            # api:
            #   listen: 127.0.0.1:7718  # loopback only

            # lend:                     # what this machine does for others; peernode help lending
            #   cpu: 50%
            #   memory: 50%
            #   disk: 10GiB
            #   runtimes: [command, python]
            #   strangers: []           # of these, what anybody of an open network may run here

            # submit:
            #   maxCost: 10cr
            #   replicas: auto

            # log:
            #   level: info

            """
    }

    /// Double-quoted YAML; escapes are those of JSON.
    static func quoted(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case let control where control.value < 32 || control.value == 127:
                let hex = String(control.value, radix: 16)
                out += "\\x" + (hex.count < 2 ? "0" : "") + hex
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }
}
