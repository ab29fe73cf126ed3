//! A ledger as bytes.

use super::{
    Account, LedgerError, Quota,
    reservation::{PERIODS, bit},
};
use crate::time::UnixMillis;
use alloc::vec::Vec;

/// Writes a ledger's bytes in place of those that are there: the same on every platform.
pub(super) fn write(bytes: &mut Vec<u8>, last: u64, accounts: &[Account]) {
    bytes.clear();
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&[VERSION, u8::try_from(accounts.len()).unwrap_or_default()]);
    bytes.extend_from_slice(&last.to_le_bytes());
    for account in accounts {
        bytes.push(bit(account.quota.period));
        for number in [account.since, account.end, account.reserved, account.committed] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
    }
}

/// The newest reservation and the counts of a ledger's bytes; their limits are not in them.
pub(super) fn read(bytes: &[u8]) -> Result<(u64, Vec<Account>), LedgerError> {
    let (header, body) = bytes.split_first_chunk::<HEADER>().ok_or(LedgerError::Damaged)?;
    let [first, second, version, count, last @ ..] = *header;
    if [first, second] != *MAGIC {
        return Err(LedgerError::Damaged);
    }
    if version != VERSION {
        return Err(LedgerError::Version { found: version });
    }
    let (entries, rest) = body.as_chunks::<ENTRY>();
    if !rest.is_empty() || entries.len() != usize::from(count) {
        return Err(LedgerError::Damaged);
    }
    let last = u64::from_le_bytes(last);
    let accounts: Option<Vec<Account>> = entries.iter().map(|entry| account(entry, last)).collect();
    let accounts = accounts.filter(|_| last <= UnixMillis::MAX.as_millis()).ok_or(LedgerError::Damaged)?;
    Ok((last, accounts))
}

fn account(entry: &[u8; ENTRY], last: u64) -> Option<Account> {
    let (which, numbers) = entry.split_first()?;
    let (period, _) = PERIODS.iter().find(|(period, _)| bit(*period) == *which)?;
    let (numbers, _) = numbers.as_chunks::<8>();
    let [since, end, reserved, committed] = *numbers else { return None };
    let [since, end] = [since, end].map(u64::from_le_bytes);
    let [reserved, committed] = [reserved, committed].map(u64::from_le_bytes);
    reserved.checked_add(committed)?;
    let quota = Quota { period: *period, limit: 0 };
    let sound = since <= last && end <= UnixMillis::MAX.as_millis();
    sound.then_some(Account { quota, since, end, reserved, committed })
}

const MAGIC: &[u8; 2] = b"SL";

/// The layout of `write`. Another layout is another number.
pub(super) const VERSION: u8 = 1;

/// Magic, version, number of quotas, newest reservation.
const HEADER: usize = 12;

/// Period, since, end, reserved, committed.
const ENTRY: usize = 33;
