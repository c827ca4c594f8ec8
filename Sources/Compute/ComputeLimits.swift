/// Limits of manifests and of what a node runs (`compute.md`, table before section 1).
///
/// What passes one of the first group is E104; a decoder refuses what passes one of its own.
public enum ComputeLimits {
    // A manifest: people write at most some hundred lines; 256 KiB with 100,000 nodes parse in some 50 ms.
    public static let manifestBytesMax = 262_144
    public static let manifestDepthMax = 32
    public static let manifestNodesMax = 100_000
    public static let issuesMax = 100

    public static let inlineValueBytesMax = 65_536
    public static let inlineCodeBytesMax = 131_072
    public static let canonicalJobBytesMax = 65_536
    /// Inline values up to this stand in the canonical job itself, larger ones are blobs.
    public static let inPlaceBytesMax = 1_024

    public static let inputsMax = 256
    public static let outputFilesMax = 64
    public static let labelsMax = 16
    public static let placeRulesMax = 32
    public static let onlyMax = 16
    public static let argumentsMax = 256
    public static let argumentBytesMax = 4_096
    public static let argumentBytesTotalMax = 16_384
    public static let environmentMax = 64
    public static let environmentValueBytesMax = 4_096
    public static let environmentBytesTotalMax = 8_192
    public static let replicasMax: UInt8 = 9

    public static let resultBytesMax: UInt64 = 16 << 20
    public static let stdoutBytesDefault: UInt64 = 4 << 20
    public static let stdoutBytesMax: UInt64 = 64 << 20
    public static let artifactBytesDefault: UInt64 = 64 << 20
    public static let artifactBytesMax: UInt64 = 4 << 30
    public static let blobBytesMax: UInt64 = 16 << 30

    /// Executions that may wait on one node beyond those that run: 256 leases of some 2 KiB are 0.5 MiB.
    public static let executionsQueuedMax = 256
    public static let slotsMax = 128
    /// Restarts of one execution after a crash of the node (`compute.md` 5.2).
    public static let restartsMax = 2
}
