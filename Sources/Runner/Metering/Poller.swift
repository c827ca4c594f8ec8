import CLibuv
import CSandbox
import Basis
import Loop
import Records

/// Reads /proc for all runs at once, on a worker thread of libuv, so that the loop never waits for the kernel.
final class Poller {
    struct Target: Sendable {
        var id: RunID
        /// Process 1 of the sandbox, as the host numbers it, and when it started.
        var root: Int32
        var tasksMax: UInt32
    }
    struct Sample: Sendable {
        var id: RunID
        var facts: pn_sample
    }

    private let loop: UVLoop
    private var isBusy = false
    var onSamples: (([Sample]) -> Void)?

    init(_ loop: UVLoop) { self.loop = loop }

    /// Begins one reading; false if one is under way.
    func start(_ targets: [Target]) -> Bool {
        if isBusy { return false }
        let work = Work(self, targets)
        let request = UnsafeMutablePointer<uv_work_t>.allocate(capacity: 1)
        request.pointee.data = Unmanaged.passRetained(work).toOpaque()
        let result = uv_queue_work(loop.handle, request, { Poller.read($0) }, { Poller.done($0, $1) })
        if result < 0 {
            Unmanaged<Work>.fromOpaque(request.pointee.data).release()
            request.deallocate()
            return false
        }
        isBusy = true
        return true
    }

    /// Handed from the loop to the worker thread and back; never with both at once.
    private final class Work {
        let poller: Poller
        let targets: [Target]
        var samples: [Sample] = []
        init(_ poller: Poller, _ targets: [Target]) {
            self.poller = poller
            self.targets = targets
        }
    }

    private static func read(_ request: UnsafeMutablePointer<uv_work_t>?) {
        guard let data = request?.pointee.data else { return }
        let work = Unmanaged<Work>.fromOpaque(data).takeUnretainedValue()
        work.samples = work.targets.map { target in
            var facts = pn_sample()
            pn_read_sample(target.root, target.tasksMax, &facts)
            return Sample(id: target.id, facts: facts)
        }
    }

    private static func done(_ request: UnsafeMutablePointer<uv_work_t>?, _ status: Int32) {
        guard let request else { return }
        let work = Unmanaged<Work>.fromOpaque(request.pointee.data).takeRetainedValue()
        request.deallocate()
        work.poller.isBusy = false
        work.poller.onSamples?(work.samples)
    }
}
