/// The environment that every program finds, before its own `run.env` (`compute.md` 3.1). Nothing of the host's.
public enum RunEnvironment {
    /// - Parameters:
    ///   - isDeterministic: adds the settings that make two machines of one class agree to the bit.
    ///   - architecture: `amd64` switches off the wide vector units, on which libraries choose other code.
    ///   - own: `run.env`; it wins over ours where names are equal.
    public static func entries(
        seed: UInt64, epoch: UInt64, item: UInt32 = 0, items: UInt32 = 1, cpuCount: UInt32 = 1,
        isDeterministic: Bool, architecture: String, own: [EnvironmentEntry] = []
    ) -> [EnvironmentEntry] {
        var entries = [
            EnvironmentEntry("PATH", "/usr/bin:/bin"), EnvironmentEntry("HOME", "/job"),
            EnvironmentEntry("TMPDIR", "/tmp"), EnvironmentEntry("LC_ALL", "C.UTF-8"),
            EnvironmentEntry("TZ", "UTC"), EnvironmentEntry("PEERNODE", "1"),
            EnvironmentEntry("PEERNODE_SEED", "\(seed)"),
            EnvironmentEntry("PEERNODE_EPOCH", "\(epoch)"),
            EnvironmentEntry("PEERNODE_ITEM_INDEX", "\(item)"),
            EnvironmentEntry("PEERNODE_ITEM_COUNT", "\(items)"),
            EnvironmentEntry("OMP_NUM_THREADS", isDeterministic ? "1" : "\(cpuCount)"),
        ]
        if isDeterministic {
            entries += [
                EnvironmentEntry("PYTHONHASHSEED", "0"), EnvironmentEntry("OPENBLAS_NUM_THREADS", "1"),
            ]
            if architecture == "amd64" {
                entries += [
                    EnvironmentEntry(
                        "GLIBC_TUNABLES", "glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4,-AVX512F"),
                    EnvironmentEntry("OPENBLAS_CORETYPE", "Sandybridge"),
                    EnvironmentEntry(
                        "NPY_DISABLE_CPU_FEATURES", "X86_V3 X86_V4 AVX512_ICL AVX512_SPR"),
                ]
            }
        }
        return entries.filter { entry in !own.contains { $0.name == entry.name } } + own
    }
}
