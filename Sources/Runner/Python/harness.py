# The harness of the python runtime: what stands between the interpreter and a program (compute.md 3.2).
#
# It imports nothing that the interpreter has not loaded (json alone costs 6 ms). It reads its frame, a Python literal,
# from descriptor 3, runs the program as __main__, and writes the global `result` as JSON to descriptor 4. The settings
# that make two machines agree help honest programs; they are no wall.
import builtins
import posix
import sys
import time


def start():
    frame = eval(read(3), {"__builtins__": {}})
    posix.set_inheritable(4, False)
    own = posix.getpid()

    builtins.exit = builtins.quit = sys.exit
    if frame["fixed"]:
        fix(frame)
    path = frame["path"]
    module = sys.modules["__main__"] = type(sys)("__main__")
    space = module.__dict__
    space.update(frame["names"], __file__=path, __builtins__=builtins, inputs=frame["inputs"])
    space.update(frame["inputs"])
    sys.argv = [path] + frame["args"]
    sys.path[0] = path.rpartition("/")[0]
    code, note = run(path, space)
    code = finish(code)
    # A child that the program forked comes out here too; it has nothing to say.
    if posix.getpid() == own:
        if code == 0 and note is None and "result" in space:
            note = encoded(space["result"])
        while note:
            note = note[posix.write(4, note):]
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass
    posix._exit(code)


def read(fd):
    parts = []
    while not parts or parts[-1]:
        parts.append(posix.read(fd, 1 << 20))
    posix.close(fd)
    return b"".join(parts)


def run(path, space):
    """Runs the program; returns its exit code and what descriptor 4 must say of a failure."""
    try:
        code = read(posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC))
        exec(compile(code, path, "exec", dont_inherit=True), space)
        return 0, None
    except SystemExit as end:
        return exit_code(end.code), None
    except BaseException as error:
        complain(error, error.__traceback__.tb_next)
        return 1, b"M" if isinstance(error, MemoryError) else None


def complain(error, trace):
    try:
        sys.excepthook(type(error), error.with_traceback(trace), trace)
    except BaseException:
        pass


def exit_code(code):
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    print(code, file=sys.stderr)
    return 1


def finish(code):
    """What the interpreter does at its end: wait for threads, then the atexit functions."""
    for name, function in (("threading", "_shutdown"), ("atexit", "_run_exitfuncs")):
        if name in sys.modules:
            try:
                getattr(sys.modules[name], function)()
            except SystemExit as end:
                code = exit_code(end.code)
            except BaseException as error:
                complain(error, error.__traceback__)
    return code


Unfit = type("Unfit", (Exception,), {})


def encoded(value):
    parts = ["="]
    try:
        encode(value, parts.append, 0)
    except Unfit as reason:
        return ("!%s" % reason).encode("utf-8", "replace")
    return "".join(parts).encode("utf-8", "surrogatepass")


CONTROLS = {i: "\\u%04x" % i for i in range(32)}
CONTROLS.update({8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r"})


def scalar(value):
    if value is None or value is True or value is False:
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        text = str.__str__(value).replace("\\", "\\\\").replace('"', '\\"')
        return '"' + (text if text.isprintable() else text.translate(CONTROLS)) + '"'
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        if value != value or value - value != 0:
            raise Unfit("number that is " + ("infinite" if value == value else "NaN"))
        return float.__repr__(value)
    return None


def key(value):
    text = scalar(value)
    if text is None:
        raise Unfit("dict with a key of type " + type(value).__name__)
    return text if text[0] == '"' else '"' + text + '"'


def encode(value, put, depth):
    text = scalar(value)
    if text is not None:
        return put(text)
    if depth > 63:
        raise Unfit("structure nested deeper than 64 levels")
    if not isinstance(value, (dict, list, tuple)):
        raise Unfit(type(value).__name__)
    named = isinstance(value, dict)
    mark = "{" if named else "["
    for item in value.items() if named else value:
        put(mark + key(item[0]) + ":" if named else mark)
        encode(item[1] if named else item, put, depth + 1)
        mark = ","
    put(("" if mark == "," else mark) + ("}" if named else "]"))


def fix(frame):
    """Clock, randomness and listings that are the same on every machine of a class."""
    clock = [frame["epoch"] * 1000000000]
    words = [frame["seed"]]
    mask = 0xFFFFFFFFFFFFFFFF
    sleep, localtime, gmtime, strftime = time.sleep, time.localtime, time.gmtime, time.strftime
    listdir, scandir = posix.listdir, posix.scandir

    def time_ns():
        clock[0] += 1000000
        return clock[0] - 1000000

    def slept(seconds):
        sleep(seconds)
        clock[0] += int(seconds * 1000000000)

    def urandom(count):
        # SplitMix64: repeatable, and nothing that must stay secret.
        out = bytearray()
        while len(out) < count:
            words[0] = words[0] + 0x9E3779B97F4A7C15 & mask
            word = (words[0] ^ words[0] >> 30) * 0xBF58476D1CE4E5B9 & mask
            word = (word ^ word >> 27) * 0x94D049BB133111EB & mask
            out += (word ^ word >> 31).to_bytes(8, "little")
        return bytes(out[:count])

    def now(seconds=None):
        return time_ns() / 1000000000 if seconds is None else seconds

    class Listing(list):
        __iter__ = __enter__ = lambda self: self
        __exit__ = lambda self, *_: self.clear()
        close = list.clear

        def __next__(self):
            if not self:
                raise StopIteration
            return self.pop(0)

    time.time_ns, time.time, time.sleep = time_ns, lambda: now(), slept
    time.localtime = lambda seconds=None: localtime(now(seconds))
    time.gmtime = lambda seconds=None: gmtime(now(seconds))
    time.strftime = lambda form, value=None: strftime(form, time.localtime() if value is None else value)
    posix.listdir = lambda path=None: sorted(listdir(path))
    posix.scandir = lambda path=None: Listing(sorted(scandir(path), key=lambda entry: entry.name))
    posix.urandom = urandom
    posix.getrandom = lambda size, flags=0: urandom(size)
    posix.cpu_count = lambda: frame["cpus"]
    sys.meta_path.insert(0, finder(frame["seed"], now, urandom))


def finder(seed, clock, urandom):
    """Adjusts three modules when they are first imported."""

    def fix_random(module):
        plain = module.Random.seed

        def reseed(self, a=None, version=2):
            plain(self, int.from_bytes(urandom(16), "little") if a is None else a, version)

        module.Random.seed = reseed
        module.seed(seed)

    def fix_uuid(module):
        module._generate_time_safe = module._UuidCreate = None
        module.getnode = lambda: int.from_bytes(urandom(6), "little") | 1 << 40

    def fix_datetime(module):
        class Like(type):
            __instancecheck__ = lambda cls, value: isinstance(value, cls.__bases__[0])

        def adjusted(real, **methods):
            return Like(real.__name__, (real,), dict({k: classmethod(m) for k, m in methods.items()}, __module__="datetime"))

        today = lambda cls: cls.fromtimestamp(clock())
        now = lambda cls, tz=None: cls.fromtimestamp(clock(), tz)
        utcnow = lambda cls: cls.fromtimestamp(clock(), module.timezone.utc).replace(tzinfo=None)
        module.date = adjusted(module.date, today=today)
        module.datetime = adjusted(module.datetime, today=today, now=now, utcnow=utcnow)

    patches = {"random": fix_random, "uuid": fix_uuid, "datetime": fix_datetime}

    class Finder:
        @staticmethod
        def find_spec(name, path=None, target=None):
            patch = patches.pop(name, None)
            if patch is None:
                return None
            specs = (finder.find_spec(name, path, target) for finder in sys.meta_path if finder is not Finder)
            spec = next(found for found in specs if found is not None)
            load = spec.loader.exec_module

            def exec_module(module):
                load(module)
                patch(module)

            spec.loader.exec_module = exec_module
            return spec

    return Finder


start()
