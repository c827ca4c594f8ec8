import CRocksDB

/// The options of RocksDB, and with them the memory of the store.
///
/// The goal is an idle node of at most 40 MiB in all (`platform.md` 6), so write buffers share one budget, blocks and
/// indexes share one cache, few files are open, and no thread wakes up for statistics.
struct DatabaseOptions: ~Copyable {
    /// Small rows that are looked up by key.
    let looked: OpaquePointer
    /// Rows in ascending keys that are read by ranges: blocks, events, the packed log.
    let appended: OpaquePointer
    private let cache: OpaquePointer
    private let tables: [OpaquePointer]

    init(writeBufferBytes: Int, cacheBytes: Int) {
        cache = rocksdb_cache_create_lru(cacheBytes)
        let (filtered, plain) = (
            DatabaseOptions.table(cache, bloom: true), DatabaseOptions.table(cache, bloom: false)
        )
        tables = [filtered, plain]
        looked = DatabaseOptions.options(filtered, writeBufferBytes, part: 4)
        appended = DatabaseOptions.options(plain, writeBufferBytes, part: 2)
    }

    deinit {
        rocksdb_options_destroy(looked)
        rocksdb_options_destroy(appended)
        for table in tables { rocksdb_block_based_options_destroy(table) }
        rocksdb_cache_destroy(cache)
    }

    private static func table(_ cache: OpaquePointer, bloom: Bool) -> OpaquePointer {
        let table = rocksdb_block_based_options_create()!
        rocksdb_block_based_options_set_block_cache(table, cache)
        // Otherwise each open file would hold its index and filter outside the budget.
        rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, 1)
        rocksdb_block_based_options_set_format_version(table, 5)
        if bloom {
            // The table takes over the policy.
            rocksdb_block_based_options_set_filter_policy(
                table, rocksdb_filterpolicy_create_bloom_full(10))
        }
        return table
    }

    private static func options(
        _ table: OpaquePointer, _ writeBufferBytes: Int, part: Int
    ) -> OpaquePointer {
        let options = rocksdb_options_create()!
        rocksdb_options_set_create_if_missing(options, 1)
        rocksdb_options_set_create_missing_column_families(options, 1)
        rocksdb_options_set_paranoid_checks(options, 1)
        rocksdb_options_set_block_based_table_factory(options, table)

        // All families together; a family alone may take half or a quarter before it is flushed.
        rocksdb_options_set_db_write_buffer_size(options, writeBufferBytes)
        rocksdb_options_set_write_buffer_size(options, writeBufferBytes / part)
        rocksdb_options_set_max_write_buffer_number(options, 2)
        // One arena block a family is there even when nothing was written: 14 × 64 KiB instead of 14 × 1 MiB.
        rocksdb_options_set_arena_block_size(options, 65_536)

        // 128 files × 32 MiB = 4 GiB at hand, the rest is opened when asked for.
        rocksdb_options_set_max_open_files(options, 128)
        rocksdb_options_set_max_file_opening_threads(options, 1)
        rocksdb_options_set_target_file_size_base(options, 33_554_432)
        rocksdb_options_set_table_cache_numshardbits(options, 2)
        rocksdb_options_set_skip_stats_update_on_db_open(options, 1)

        // One thread flushes, one compacts; none dumps statistics.
        rocksdb_options_set_max_background_jobs(options, 2)
        rocksdb_options_set_stats_dump_period_sec(options, 0)
        rocksdb_options_set_stats_persist_period_sec(options, 0)
        rocksdb_options_set_info_log_level(options, 2)
        rocksdb_options_set_max_log_file_size(options, 1_048_576)
        rocksdb_options_set_keep_log_file_num(options, 2)

        // Bounds the time of a restart: 64 MiB of log are replayed in about a second.
        rocksdb_options_set_max_total_wal_size(options, 67_108_864)
        // A record cut off at the end of the log was never acknowledged and is dropped; any other damage of the log
        // is an error at open, since the default would silently drop all that follows it.
        rocksdb_options_set_wal_recovery_mode(
            options, Int32(rocksdb_tolerate_corrupted_tail_records_recovery))
        rocksdb_options_set_compression(options, Int32(rocksdb_lz4_compression))
        rocksdb_options_set_bytes_per_sync(options, 1_048_576)
        rocksdb_options_set_is_fd_close_on_exec(options, 1)
        return options
    }
}
