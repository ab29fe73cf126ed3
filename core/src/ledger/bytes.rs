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
        for number in [account.since, account.end, account.reserved, account.committed, account.released] {
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
    let last = u64::from_le_bytes(last);
    let accounts = match version {
        VERSION => accounts::<ENTRY>(body, count, last),
        WITHOUT_RELEASED => accounts::<OLD_ENTRY>(body, count, last),
        found => return Err(LedgerError::Version { found }),
    };
    let accounts = accounts.filter(|_| last <= UnixMillis::MAX.as_millis()).ok_or(LedgerError::Damaged)?;
    Ok((last, accounts))
}

fn accounts<const N: usize>(body: &[u8], count: u8, last: u64) -> Option<Vec<Account>> {
    let (entries, rest) = body.as_chunks::<N>();
    let whole = rest.is_empty() && entries.len() == usize::from(count);
    entries.iter().map(|entry| account(entry, last)).collect::<Option<_>>().filter(|_| whole)
}

fn account(entry: &[u8], last: u64) -> Option<Account> {
    let (which, numbers) = entry.split_first()?;
    let (period, _) = PERIODS.iter().find(|(period, _)| bit(*period) == *which)?;
    let (numbers, _) = numbers.as_chunks::<8>();
    let ([since, end, reserved, committed], more) =
        numbers.split_first_chunk::<4>().map(|(four, more)| (*four, more))?;
    let [since, end, reserved, committed] = [since, end, reserved, committed].map(u64::from_le_bytes);
    let released = more.first().map_or(0, |released| u64::from_le_bytes(*released));
    reserved.checked_add(committed)?;
    let quota = Quota { period: *period, limit: 0 };
    let sound = since <= last && end <= UnixMillis::MAX.as_millis();
    sound.then_some(Account { quota, since, end, reserved, committed, released })
}

const MAGIC: &[u8; 2] = b"SL";

/// The layout of `write`. Another layout is another number.
pub(super) const VERSION: u8 = 2;

/// The layout that did not count what was given back.
const WITHOUT_RELEASED: u8 = 1;

/// Magic, version, number of quotas, newest reservation.
const HEADER: usize = 12;

/// Period, since, end, reserved, committed, released.
const ENTRY: usize = 41;

/// The same without released.
const OLD_ENTRY: usize = 33;
