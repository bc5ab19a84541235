//! What a process has cost so far, as Linux tells it in /proc.

use std::fs;

use anyhow::Context as _;

/// Ticks in a second: the same on every Linux, whatever its own clock does.
const TICKS: f64 = 100.0;

/// User and system time of all its threads, ended ones too, in seconds.
pub(crate) fn cpu_seconds(pid: u32) -> anyhow::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name may hold anything, so count from its closing parenthesis: utime and stime are fields 14 and 15.
    let (_, rest) = stat.rsplit_once(") ").context("/proc/PID/stat")?;
    let mut fields = rest.split(' ').skip(11).map(str::parse::<u32>);
    let mut field = || fields.next().context("/proc/PID/stat")?.context("/proc/PID/stat");
    Ok(f64::from(field()? + field()?) / TICKS)
}

/// The most memory it has had since it began or was last forgotten, in bytes.
pub(crate) fn peak_rss(pid: u32) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1024)
}

/// Begins a new peak. Where that is not allowed the peak is that of all rounds so far.
pub(crate) fn forget_peak(pid: u32) {
    let _ = fs::write(format!("/proc/{pid}/clear_refs"), "5");
}
