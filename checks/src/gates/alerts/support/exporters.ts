import type { Exporter } from '../../../config/alerts.ts';
import { type Config, partOf } from '../../../config.ts';

/**
 * What each exporter exports without being asked for more, as far as rules commonly read it; histograms by their base name.
 * Each list is from its exporter's own documentation:
 * https://github.com/prometheus/node_exporter, https://github.com/prometheus-community/postgres_exporter,
 * https://github.com/prometheus/blackbox_exporter, https://github.com/woblerr/pgbackrest_exporter
 */
const metrics: Readonly<Record<Exporter, string>> = {
  alertmanager: `alertmanager_alerts alertmanager_alerts_received_total alertmanager_alerts_invalid_total
    alertmanager_config_last_reload_successful alertmanager_notifications_total alertmanager_notifications_failed_total
    alertmanager_notification_latency_seconds`,
  blackbox_exporter: `probe_success probe_duration_seconds probe_http_status_code probe_http_duration_seconds
    probe_http_ssl probe_ssl_earliest_cert_expiry probe_ssl_last_chain_expiry_timestamp_seconds probe_dns_lookup_time_seconds
    probe_icmp_duration_seconds probe_tls_version_info`,
  node_exporter: `node_cpu_seconds_total node_load1 node_load5 node_load15 node_memory_MemAvailable_bytes
    node_memory_MemFree_bytes node_memory_MemTotal_bytes node_memory_SwapFree_bytes node_memory_SwapTotal_bytes
    node_filesystem_avail_bytes node_filesystem_size_bytes node_filesystem_free_bytes node_filesystem_files
    node_filesystem_files_free node_filesystem_readonly node_disk_io_time_seconds_total node_disk_read_bytes_total
    node_disk_written_bytes_total node_network_up node_network_receive_bytes_total node_network_transmit_bytes_total
    node_network_receive_errs_total node_network_transmit_errs_total node_network_receive_drop_total
    node_network_transmit_drop_total node_timex_offset_seconds node_timex_sync_status node_boot_time_seconds
    node_time_seconds node_vmstat_oom_kill node_pressure_cpu_waiting_seconds_total node_pressure_memory_waiting_seconds_total
    node_uname_info`,
  pgbackrest_exporter: `pgbackrest_stanza_status pgbackrest_stanza_lock_status pgbackrest_repo_status
    pgbackrest_backup_info pgbackrest_backup_duration_seconds pgbackrest_backup_size_bytes pgbackrest_backup_delta_bytes
    pgbackrest_backup_error_status pgbackrest_backup_since_last_completion_seconds pgbackrest_backup_last_error_status
    pgbackrest_backup_last_duration_seconds pgbackrest_backup_last_size_bytes pgbackrest_wal_archive_status
    pgbackrest_exporter_status`,
  postgres_exporter: `pg_up pg_exporter_last_scrape_error pg_database_size_bytes pg_locks_count
    pg_postmaster_start_time_seconds pg_replication_is_replica pg_replication_lag_seconds pg_settings_max_connections
    pg_stat_activity_count pg_stat_activity_max_tx_duration pg_stat_archiver_archived_count pg_stat_archiver_failed_count
    pg_stat_archiver_last_archive_age pg_stat_database_blks_hit pg_stat_database_blks_read pg_stat_database_deadlocks
    pg_stat_database_numbackends pg_stat_database_xact_commit pg_stat_database_xact_rollback
    pg_stat_user_tables_n_dead_tup pg_stat_user_tables_last_autovacuum pg_replication_slots_active`,
  prometheus: `prometheus_config_last_reload_successful prometheus_notifications_dropped_total
    prometheus_notifications_errors_total prometheus_rule_evaluation_failures_total prometheus_tsdb_head_series
    prometheus_target_scrapes_exceeded_sample_limit_total`,
};

/** Prometheus itself says these of everything that it scrapes. */
const ofEveryTarget = ['up', 'scrape_duration_seconds', 'scrape_samples_scraped', 'scrape_series_added', 'ALERTS'];

/** Every name that the exporters answer with, and what Prometheus adds. */
export function metricsOfExporters(names: readonly Exporter[]): Set<string> {
  return new Set([...ofEveryTarget, ...names.flatMap((name) => metrics[name].split(/\s+/))]);
}

/** Names of all that rules may read: of the service, of its exporters, and of Prometheus itself. */
export function exportedOf(config: Config): string[] {
  const { exporters, others } = partOf(config, 'alerts');
  const own = partOf(config, 'metrics').promised.map(({ name }) => name);
  return [...own, ...others, ...metricsOfExporters(exporters)];
}

/** The series of a histogram are called by what they count. */
const partOfHistogram = /_(bucket|sum|count)$/;

export function isExported(name: string, exported: readonly string[]): boolean {
  return exported.includes(name) || exported.includes(familyOf(name));
}

/** The histogram that a series is a part of; any other name as it is. */
export function familyOf(name: string): string {
  return name.replace(partOfHistogram, '');
}
