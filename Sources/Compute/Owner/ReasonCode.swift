/// Why a machine does not work now, or does not take a job (`compute.md` 7). The order of the cases is the order in
/// which reasons are given.
public enum ReasonCode: String, Sendable, CaseIterable, Comparable {
    case noConsent = "NO_CONSENT"
    case userPaused = "USER_PAUSED"
    case draining = "DRAINING"
    case schedule = "SCHEDULE"
    case diskFloor = "DISK_FLOOR"
    case sandboxTier = "SANDBOX_TIER"
    case tier = "TIER"
    case noRuntime = "NO_RUNTIME"
    case noCapability = "NO_CAPABILITY"
    case denied = "DENIED"
    case label = "LABEL"
    case networkDenied = "NETWORK_DENIED"
    case coresSmall = "CORES_SMALL"
    case memorySmall = "MEMORY_SMALL"
    case diskSmall = "DISK_SMALL"
    case noGPU = "NO_GPU"
    case runShort = "RUN_SHORT"
    case noSlot = "NO_SLOT"

    static func position(_ code: ReasonCode) -> Int { allCases.firstIndex(of: code) ?? 0 }
    public static func < (a: ReasonCode, b: ReasonCode) -> Bool { position(a) < position(b) }

    /// The sentence for people.
    public var text: String {
        switch self {
        case .noConsent: "the owner has not agreed to lend this machine"
        case .userPaused: "the owner paused it"
        case .draining: "it finishes what runs and takes nothing new"
        case .schedule: "it is outside the hours of policy.schedule"
        case .diskFloor: "too little disk is free"
        case .sandboxTier: "the sandbox is not safe enough to run anything"
        case .tier: "its sandbox is weaker than the job asks for"
        case .noRuntime: "it does not run this runtime for this owner"
        case .noCapability: "it lacks a required capability"
        case .denied: "the job's owner is not allowed here"
        case .label: "a rule on labels excludes the job"
        case .networkDenied: "the job wants a network"
        case .coresSmall: "the job wants more cores than are lent"
        case .memorySmall: "the job wants more memory than is lent"
        case .diskSmall: "the job wants more disk than is lent"
        case .noGPU: "the job wants a GPU"
        case .runShort: "the job may run longer than lend.maxRun"
        case .noSlot: "every slot is taken and the queue is full"
        }
    }
}
