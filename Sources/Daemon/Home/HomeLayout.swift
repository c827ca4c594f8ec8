public import Foundation

/// Where a home keeps what (`surfaces.md` 3.1): under one folder with `--home`, else by the XDG folders.
public struct HomeLayout: Sendable, Equatable {
    public let configuration: URL
    public let keys: URL
    public let data: URL
    public let cache: URL
    public let state: URL
    public let run: URL
    /// The folder given with `--home`, if one was: it goes into commands that we print.
    public let explicit: URL?

    /// Everything below one folder.
    public init(folder: URL) {
        explicit = folder
        configuration = folder
        keys = folder.appendingPathComponent("keys")
        data = folder.appendingPathComponent("data")
        cache = folder.appendingPathComponent("cache")
        state = folder.appendingPathComponent("state")
        run = folder.appendingPathComponent("run")
    }

    /// The XDG folders of the user that `environment` describes.
    public init(environment: [String: String]) {
        explicit = nil
        let user = URL(fileURLWithPath: environment["HOME"] ?? "/root")
        func folder(_ variable: String, _ fallback: String) -> URL {
            if let path = environment[variable], path.hasPrefix("/") {
                return URL(fileURLWithPath: path).appendingPathComponent("peernode")
            }
            return user.appendingPathComponent(fallback).appendingPathComponent("peernode")
        }
        configuration = folder("XDG_CONFIG_HOME", ".config")
        keys = configuration.appendingPathComponent("keys")
        data = folder("XDG_DATA_HOME", ".local/share")
        cache = folder("XDG_CACHE_HOME", ".cache")
        state = folder("XDG_STATE_HOME", ".local/state")
        run =
            environment["XDG_RUNTIME_DIR"].map {
                URL(fileURLWithPath: $0).appendingPathComponent("peernode")
            } ?? state.appendingPathComponent("run")
    }

    /// The home that flags and environment name: `--home`, else `PEERNODE_HOME`, else the default.
    public static func find(home: String?, environment: [String: String]) -> HomeLayout {
        if let path = home ?? environment["PEERNODE_HOME"], !path.isEmpty {
            return HomeLayout(folder: URL(fileURLWithPath: path).standardizedFileURL)
        }
        return HomeLayout(environment: environment)
    }

    public var configurationFile: URL { configuration.appendingPathComponent("config.yaml") }
    public var configurationFolder: URL { configuration.appendingPathComponent("conf.d") }
    public var genesisFile: URL { configuration.appendingPathComponent("genesis.yaml") }
    public var networksFolder: URL { configuration.appendingPathComponent("networks") }
    public var identityKey: URL { keys.appendingPathComponent("identity.key") }
    public var ownerKey: URL { keys.appendingPathComponent("owner.key") }
    public var inviteKey: URL { keys.appendingPathComponent("invite.key") }
    public var store: URL { data.appendingPathComponent("store") }
    public var blobs: URL { data.appendingPathComponent("blobs") }
    public var receipts: URL { data.appendingPathComponent("receipts") }
    public var lock: URL { state.appendingPathComponent("lock") }
    public var lastJob: URL { state.appendingPathComponent("last-job") }
    public var log: URL { state.appendingPathComponent("peernode.log") }
    public var machine: URL { state.appendingPathComponent("machine-id") }
    public var nodeFile: URL { run.appendingPathComponent("node.json") }
    public var tokenFile: URL { run.appendingPathComponent("api.token") }

    /// The API's socket. A path above 107 bytes does not fit `sockaddr_un`: then it lies in a 0700 folder below `/tmp`
    /// named by user and home.
    public var socket: URL {
        let plain = run.appendingPathComponent("api.sock")
        if plain.path.utf8.count <= 107 { return plain }
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in plain.path.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return URL(fileURLWithPath: "/tmp/peernode-\(getuid())-\(String(hash, radix: 16))/api.sock")
    }

    /// The home as a person names it.
    public var description: String {
        explicit?.path ?? "\(abbreviate(configuration)), \(abbreviate(data))"
    }

    func abbreviate(_ url: URL) -> String {
        let user = FileManager.default.homeDirectoryForCurrentUser.path
        return url.path.hasPrefix(user + "/") ? "~" + url.path.dropFirst(user.count) : url.path
    }
}
