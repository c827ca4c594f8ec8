import Testing

/// All suites that run sandboxes, one after another: they count the processes and descriptors of this machine.
@Suite(.serialized) struct Sandboxes {}
