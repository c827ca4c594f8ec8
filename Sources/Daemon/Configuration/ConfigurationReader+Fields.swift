import Basis
import Foundation

extension ConfigurationReader {
    static let lists: Set<String> = [
        "network.seeds", "network.advertise", "api.hosts", "api.origins", "lend.runtimes", "lend.strangers",
        "policy.allowOwners",
        "policy.denyOwners", "policy.trusted",
    ]

    static let fields: [Field] =
        nodeFields + networkFields + serviceFields + lendingFields + otherFields

    static let nodeFields: [Field] = [
        text("node.name") { $0.node.name = $1 },
        Field(path: "node.labels") { configuration, value in
            guard case .map(let labels) = value else {
                return Expected(kind: "labels", example: "{room: \"b12\"}")
            }
            configuration.node.labels = labels
            return nil
        },
        text("node.region") { $0.node.region = $1 },
    ]

    static let networkFields: [Field] = [
        text("network.listen") {
            $0.network.listen = $1
            $0.network.isListenDefault = false
        },
        list("network.advertise") { $0.network.advertise = $1 },
        list("network.seeds") { $0.network.seeds = $1 },
    ]

    static let serviceFields: [Field] = [
        text("api.listen") {
            $0.service.listen = $1
            $0.service.isListenDefault = false
        },
        list("api.hosts") { $0.service.hosts = $1 },
        list("api.origins") { $0.service.origins = $1 },
        Field(path: "api.rate") { configuration, value in
            guard case .text(let text) = value, text.hasSuffix("/s"),
                let rate = UInt64(text.dropLast(2)), rate > 0
            else { return Expected(kind: "a rate", example: "50/s") }
            configuration.service.ratePerSecond = rate
            return nil
        },
        flag("api.metricsOpen") { $0.service.areMetricsOpen = $1 },
    ]

    static let lendingFields: [Field] = [
        flag("lend.enabled") { $0.lending.isEnabled = $1 },
        text("lend.consent") { $0.lending.consent = $1 },
        Field(path: "lend.cpu") { configuration, value in
            guard case .text(let text) = value, let cores = cores(text) else {
                return Expected(kind: "cores or a share", example: "1.5, or 50%")
            }
            configuration.lending.milliCores = cores
            return nil
        },
        Field(path: "lend.memory") { configuration, value in
            guard case .text(let text) = value,
                let bytes = share(text, of: ProcessInfo.processInfo.physicalMemory)
            else { return Expected(kind: "a size or a share", example: "2GiB, or 50%") }
            configuration.lending.memoryBytes = bytes
            return nil
        },
        size("lend.disk") { $0.lending.diskBytes = $1 },
        number("lend.slots", 1...128) { $0.lending.slots = Int($1) },
        list("lend.runtimes") { $0.lending.runtimes = $1 },
        list("lend.strangers") { $0.lending.strangers = $1 },
        duration("lend.maxRun") { $0.lending.maxRunMillis = $1 },
        credit("lend.price") { $0.lending.price = $1 },
        credit("lend.priceMemory") { $0.lending.priceMemory = $1 },
        number("lend.nice", 0...19) { $0.lending.nice = Int($1) },
    ]

    static let otherFields: [Field] = [
        list("policy.allowOwners") { $0.policy.allowOwners = $1 },
        list("policy.denyOwners") { $0.policy.denyOwners = $1 },
        list("policy.trusted") { $0.policy.trusted = $1 },
        size("blobs.max") { $0.storage.blobBytesMax = $1 },
        size("blobs.minFree") { $0.storage.freeBytesMin = $1 },
        duration("keep.results") { $0.storage.keepResultsMillis = $1 },
        duration("keep.logs") { $0.storage.keepLogsMillis = $1 },
        credit("submit.maxCost") { $0.submitting.maxCost = $1 },
        Field(path: "submit.replicas") { configuration, value in
            guard case .text(let text) = value else {
                return Expected(kind: "a number", example: "3, or auto")
            }
            if text == "auto" {
                configuration.submitting.replicas = 0
            } else if let count = Int(text), (1...9).contains(count) {
                configuration.submitting.replicas = count
            } else {
                return Expected(kind: "auto or 1 to 9", example: "3, or auto")
            }
            return nil
        },
        text("log.level") { $0.log.level = $1 },
        Field(path: "log.format") { configuration, value in
            guard case .text(let text) = value,
                let format = Configuration.Log.Format(rawValue: text)
            else {
                return Expected(kind: "auto, text or json", example: "auto")
            }
            configuration.log.format = format
            return nil
        },
        text("log.file") { $0.log.file = $1 },
        number("sandbox.uidBase", 1...4_294_000_000) { $0.sandbox.uidBase = UInt32($1) },
        text("owner.key") { $0.ownerKey = $1 },
        text("owner.earnTo") { $0.earnTo = $1 },
        duration("shutdown.grace") { $0.shutdownGraceMillis = $1 },
    ]

    // MARK: kinds of fields

    static func text(
        _ path: String, _ set: @escaping @Sendable (inout Configuration, String) -> Void
    ) -> Field {
        Field(path: path) { configuration, value in
            guard case .text(let text) = value, !text.isEmpty else {
                return Expected(kind: "text", example: "a word")
            }
            set(&configuration, text)
            return nil
        }
    }

    static func list(
        _ path: String, _ set: @escaping @Sendable (inout Configuration, [String]) -> Void
    ) -> Field {
        Field(path: path) { configuration, value in
            guard case .list(let items) = value else {
                return Expected(kind: "a list", example: "[a, b]")
            }
            set(&configuration, items)
            return nil
        }
    }

    static func flag(_ path: String, _ set: @escaping @Sendable (inout Configuration, Bool) -> Void)
        -> Field
    {
        Field(path: path) { configuration, value in
            guard case .text(let text) = value, text == "true" || text == "false" else {
                return Expected(kind: "true or false", example: "true")
            }
            set(&configuration, text == "true")
            return nil
        }
    }

    static func size(
        _ path: String, _ set: @escaping @Sendable (inout Configuration, UInt64) -> Void
    ) -> Field {
        Field(path: path) { configuration, value in
            guard case .text(let text) = value, let bytes = Quantity.bytes(text) else {
                return Expected(kind: "a size with a unit", example: "10GiB")
            }
            set(&configuration, bytes)
            return nil
        }
    }

    static func duration(
        _ path: String, _ set: @escaping @Sendable (inout Configuration, UInt64) -> Void
    ) -> Field {
        Field(path: path) { configuration, value in
            guard case .text(let text) = value, let millis = Quantity.milliseconds(text) else {
                return Expected(kind: "a duration with a unit", example: "20s")
            }
            set(&configuration, millis)
            return nil
        }
    }

    static func credit(
        _ path: String, _ set: @escaping @Sendable (inout Configuration, CreditAmount) -> Void
    ) -> Field {
        Field(path: path) { configuration, value in
            guard case .text(let text) = value, let amount = CreditText.parse(text) else {
                return Expected(kind: "credit with at most 6 decimals", example: "0.25cr")
            }
            set(&configuration, amount)
            return nil
        }
    }

    static func number(
        _ path: String, _ range: ClosedRange<UInt64>,
        _ set: @escaping @Sendable (inout Configuration, UInt64) -> Void
    ) -> Field {
        Field(path: path) { configuration, value in
            guard case .text(let text) = value, let number = UInt64(text), range.contains(number)
            else {
                return Expected(
                    kind: "a number from \(range.lowerBound) to \(range.upperBound)",
                    example: "\(range.lowerBound)")
            }
            set(&configuration, number)
            return nil
        }
    }

    /// `1.5` cores or `50%` of this machine's, in thousandths.
    static func cores(_ text: String) -> UInt64? {
        if let share = Quantity.permille(text) {
            return max(100, UInt64(ProcessInfo.processInfo.activeProcessorCount) * share)
        }
        guard let milli = Quantity.scaled(text, by: 1_000), milli >= 100 else { return nil }
        return milli
    }

    static func share(_ text: String, of whole: UInt64) -> UInt64? {
        if let bytes = Quantity.bytes(text) { return bytes }
        return Quantity.permille(text).map { whole / 1_000 * $0 }
    }
}
