import API
import Foundation
import Loop

/// An event loop for the length of an examination.
enum TrialLoop {
    /// Runs `body` with a loop that ends after it.
    static func with<Value: Sendable>(_ body: (UVLoop) async -> Value) async throws -> Value {
        let loop: UVLoop
        do throws(UVError) { loop = try UVLoop(name: "peernode-doctor") } catch {
            throw Problem(.bug, "the event loop cannot be made: \(error)")
        }
        let value = await body(loop)
        await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
            // The thread of a loop is waited for off the cooperative pool.
            let end: @Sendable () -> Void = {
                loop.stop()
                loop.join()
                done.resume()
            }
            Thread.detachNewThread(end)
        }
        return value
    }
}
