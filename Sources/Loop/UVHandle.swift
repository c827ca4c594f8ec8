import Basis
public import CLibuv

/// The common part of every libuv handle: its memory, its owner, and its one way to end.
///
/// A handle has a stable address that the kernel's events come back to, so this is a class; it is confined to its
/// loop's thread. While open it keeps itself alive: the only release and the only deallocation are in the close
/// callback (platform.md 1.3). A subclass calls one `uv_…_init` in `open`, and drops what it refers to in `didClose`.
open class UVHandle {
    /// The loop that this handle lives on.
    public let loop: UVLoop
    /// The C structure, of the size of its kind. Valid until `didClose`.
    public let pointer: UnsafeMutablePointer<uv_handle_t>
    /// False as soon as `close()` was called.
    public private(set) var isOpen = false
    private let memory: UnsafeMutableRawPointer

    /// Allocates a structure of kind `type` and lets `open` initialise it. If that fails nothing stays behind.
    public init(
        _ loop: UVLoop, _ type: uv_handle_type, attempt: @autoclosure () -> String,
        open: (UnsafeMutablePointer<uv_loop_t>, UnsafeMutableRawPointer) -> Int32
    ) throws(UVError) {
        invariant(loop.isOnLoop, "a handle is opened away from its loop's thread")
        self.loop = loop
        memory = .allocate(byteCount: uv_handle_size(type), alignment: 16)
        pointer = memory.assumingMemoryBound(to: uv_handle_t.self)
        let result = loop.isStopping ? UV_ECANCELED.rawValue : open(loop.handle, memory)
        if result < 0 {
            // No callback can come: libuv did not take the handle.
            throw UVError(attempt(), code: result)
        }
        isOpen = true
        pointer.pointee.data = Unmanaged.passRetained(self).toOpaque()
    }

    deinit { memory.deallocate() }

    /// The structure as its own kind.
    public func structure<Kind>(_ kind: Kind.Type) -> UnsafeMutablePointer<Kind> {
        memory.assumingMemoryBound(to: kind)
    }

    /// Ends the handle. No callback but `didClose` follows. Calling it again does nothing.
    public final func close() {
        invariant(loop.isOnLoop, "a handle is closed away from its loop's thread")
        if !isOpen { return }
        isOpen = false
        uv_close(pointer) { UVHandle.finish($0) }
    }

    /// Called once, on the loop, when libuv has let go of the handle. Subclasses break their cycles here.
    open func didClose() {}

    /// The Swift object behind a C handle of this module; for callbacks, which run on the loop's thread.
    public static func owner(_ pointer: UnsafeMutablePointer<uv_handle_t>?) -> UVHandle {
        guard let data = pointer?.pointee.data else { unreachable("a handle without its owner") }
        return Unmanaged<UVHandle>.fromOpaque(data).takeUnretainedValue()
    }

    private static func finish(_ pointer: UnsafeMutablePointer<uv_handle_t>?) {
        guard let data = pointer?.pointee.data else { unreachable("a handle without its owner") }
        let retained = Unmanaged<UVHandle>.fromOpaque(data)
        let handle = retained.takeUnretainedValue()
        handle.didClose()
        retained.release()
    }
}
