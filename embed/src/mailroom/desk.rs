//! One process's place at the file: its connection, its account in memory, and the rules by which the two agree.
//!
//! *Memory never knows more or less than the disk.* Every verb runs in one transaction that holds the write lock. It first
//! compares the file's generation with the one this process knows; if another process wrote since, the account is opened
//! anew from the file before the verb runs. A verb that wrote anything advances the generation. When a verb or a commit
//! fails, the account is dropped.
//!
//! *One process delivers.* To start a call a process needs the lease, which it takes, or finds to be its own, in the
//! transaction that marks the attempt. Who takes a lease from a process that is gone opens the account as after a crash,
//! in that transaction: attempts under way are of unknown outcome. Everybody else opens it beside the one who delivers,
//! and leaves those attempts alone. An answer that comes after the lease was lost finds its attempt settled, and is
//! ignored.

use super::{Host, MailroomError, fork::File, lease};
use crate::{Connection, Database};
use sendgate_core::{
    account::{Account, HostTools},
    config::{Config, own},
    mailroom::{Attempt, Effect},
    outcome::TransportFailure,
    sql::{Sql, SqlError},
    time::UnixMillis,
    transport::Reply,
};
use std::path::Path;

/// What came of a call, until it is written down.
pub(super) type Settled = (Attempt, Result<Reply, TransportFailure>);

pub(super) struct Desk {
    file: File,
    config: Config,
    /// Names this Mailroom and no other, in this process or another.
    token: String,
    known: Option<Known>,
    /// What could not be written down yet.
    unsettled: Vec<Settled>,
    /// Calls of this process that were not settled.
    calls: usize,
}

/// The account as of a generation of the file.
struct Known {
    generation: i64,
    account: Account,
}

/// What a process that wants to deliver is told.
#[derive(Debug)]
pub(super) enum Turn {
    /// It delivers: this is what to do.
    Mine(Effect),
    /// Another one delivers, and is known to live until then.
    Taken(UnixMillis),
}

/// How long a turn keeps the lease.
#[derive(Clone, Copy)]
pub(super) struct Keep {
    pub(super) lease_ms: u64,
    /// Whether nobody renews it while a call is under way: then it lasts for the call, too.
    pub(super) through_call: bool,
}

impl Desk {
    pub(super) fn open(path: &Path, account: &str, host: &Host) -> Result<Self, MailroomError> {
        let config = own::read(account)?;
        let database = Database::open(path)?;
        let token = format!("{:016x}{:016x}", (host.chance)(), (host.chance)());
        let file = File::of(database);
        let mut desk = Self { file, config, token, known: None, unsettled: Vec::new(), calls: 0 };
        desk.file.database()?.transaction(|sql| lease::create(sql).map_err(MailroomError::from))?;
        // What is wrong with the configuration is told now, not with the first message.
        desk.decide(host, |_, _, _| Ok(()))?;
        Ok(desk)
    }

    /// The file, for a fork.
    pub(super) const fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Runs a verb of the account beside whoever delivers.
    pub(super) fn decide<T>(
        &mut self,
        host: &Host,
        verb: impl FnOnce(&mut Account, &mut dyn Sql, UnixMillis) -> Result<T, SqlError>,
    ) -> Result<T, MailroomError> {
        self.transact(host, |memory, sql, now| Ok(verb(memory.account(host, sql, now)?, sql, now)?))
    }

    /// What to do now, if this process delivers or may begin to.
    pub(super) fn turn(&mut self, keep: Keep, host: &Host) -> Result<Turn, MailroomError> {
        self.flush(host)?;
        let turn = self.transact(host, |memory, sql, now| {
            let held = lease::read(sql)?;
            if let Some(held) = held.as_ref().filter(|held| held.stops(memory.token, now)) {
                return Ok(Turn::Taken(held.until));
            }
            let until = held.filter(|held| held.owner == memory.token).map(|held| held.until);
            if until.is_none() {
                memory.take_over(host, sql, now)?;
            }
            let effect = memory.account(host, sql, now)?.next(sql, now)?;
            let call_ms = match effect {
                Effect::Send { timeout_ms, .. } if keep.through_call => timeout_ms,
                Effect::Send { .. } | Effect::Wait { .. } | Effect::Idle => 0,
            };
            if until.is_none_or(|until| until < now.plus(keep.renewed_at_ms()).plus(call_ms)) {
                memory.take_lease(now.plus(keep.lease_ms).plus(call_ms), sql)?;
            }
            Ok(Turn::Mine(effect))
        })?;
        self.calls += usize::from(matches!(turn, Turn::Mine(Effect::Send { .. })));
        Ok(turn)
    }

    /// Writes down what came of a call. What cannot be written is kept for the next turn.
    pub(super) fn settle(&mut self, settled: Settled, host: &Host) -> Result<(), MailroomError> {
        self.unsettled.push(settled);
        self.flush(host)
    }

    fn flush(&mut self, host: &Host) -> Result<(), MailroomError> {
        while let Some((attempt, result)) = self.unsettled.pop() {
            let written = self.decide(host, |account, sql, now| {
                let result = result.as_ref().map_err(|failure| *failure);
                account.settle(attempt, result, sql, (host.chance)(), now)
            });
            if let Err(error) = written {
                self.unsettled.push((attempt, result));
                return Err(error);
            }
            self.calls = self.calls.saturating_sub(1);
        }
        Ok(())
    }

    /// Keeps the lease, if it is this one's, and starts nothing.
    pub(super) fn renew(&mut self, keep: Keep, host: &Host) -> Result<(), MailroomError> {
        self.transact(host, |memory, sql, now| match lease::read(sql)? {
            Some(held) if held.owner == memory.token && held.until < now.plus(keep.renewed_at_ms()) => {
                memory.take_lease(now.plus(keep.lease_ms), sql)
            }
            Some(_) | None => Ok(()),
        })
    }

    /// Lets another process deliver at once, unless answers are still waited for.
    pub(super) fn give_back(&mut self) -> Result<(), MailroomError> {
        if self.calls > 0 {
            return Ok(());
        }
        let token = &self.token;
        self.file.database()?.transaction(|sql| lease::give_back(token, sql).map_err(MailroomError::from))
    }

    /// Whether this process could deliver.
    pub(super) fn is_free(&mut self, now: UnixMillis) -> Result<bool, MailroomError> {
        let token = &self.token;
        self.file.database()?.read(|sql| Ok(lease::read(sql)?.is_none_or(|lease| !lease.stops(token, now))))
    }

    /// Reads without waiting for anybody.
    pub(super) fn read<T>(
        &mut self,
        work: impl FnOnce(&mut dyn Sql) -> Result<T, SqlError>,
    ) -> Result<T, MailroomError> {
        self.file.database()?.read(|sql| work(sql).map_err(MailroomError::from))
    }

    /// A number that is another one after any other connection wrote.
    pub(super) fn data_version(&mut self) -> Result<i64, MailroomError> {
        Ok(self.file.database()?.data_version()?)
    }

    /// One transaction, at whose end the generation says whether anything but the lease was written.
    fn transact<T>(
        &mut self,
        host: &Host,
        work: impl FnOnce(&mut Memory<'_>, &mut Connection<'_>, UnixMillis) -> Result<T, MailroomError>,
    ) -> Result<T, MailroomError> {
        let Self { file, config, token, known, unsettled: _, calls: _ } = self;
        let database = file.database()?;
        let mut memory = Memory { config, token, known: known.take(), generation: 0, of_lease: 0 };
        let done = database.transaction(|sql| {
            memory.generation = lease::generation(sql)?;
            let before = sql.changed_rows();
            // The clock is read under the lock: what is decided later is decided at a later instant.
            let value = work(&mut memory, sql, (host.clock)())?;
            if sql.changed_rows() > before.saturating_add(memory.of_lease) {
                memory.advance(sql)?;
            }
            Ok::<_, MailroomError>(value)
        })?;
        *known = memory.known;
        Ok(done)
    }
}

/// What a transaction knows. It is let go when the transaction fails.
struct Memory<'a> {
    config: &'a Config,
    token: &'a str,
    known: Option<Known>,
    /// The file's.
    generation: i64,
    /// Rows written for the lease, which nobody's account depends on.
    of_lease: u64,
}

impl Memory<'_> {
    /// The account as the file has it.
    fn account(
        &mut self,
        host: &Host,
        sql: &mut Connection<'_>,
        now: UnixMillis,
    ) -> Result<&mut Account, MailroomError> {
        let generation = self.generation;
        let known = match self.known.take() {
            Some(known) if known.generation == generation => known,
            before => {
                let before = before.map(|known| known.account);
                let account = Account::open_beside(self.config, own::ACCOUNT, before, tools(host), sql, now)?;
                Known { generation, account }
            }
        };
        Ok(&mut self.known.insert(known).account)
    }

    /// Whoever delivered before is gone, and with it the answers that it waited for.
    fn take_over(&mut self, host: &Host, sql: &mut Connection<'_>, now: UnixMillis) -> Result<(), MailroomError> {
        let account = Account::open(self.config, own::ACCOUNT, tools(host), sql, now)?;
        self.known = Some(Known { generation: self.generation, account });
        Ok(())
    }

    fn take_lease(&mut self, until: UnixMillis, sql: &mut Connection<'_>) -> Result<(), MailroomError> {
        let before = sql.changed_rows();
        lease::take(self.token, until, sql)?;
        self.of_lease = sql.changed_rows().saturating_sub(before);
        Ok(())
    }

    fn advance(&mut self, sql: &mut Connection<'_>) -> Result<(), MailroomError> {
        let next = self.generation.saturating_add(1);
        lease::advance(next, sql)?;
        if let Some(known) = self.known.as_mut().filter(|known| known.generation == self.generation) {
            known.generation = next;
        }
        Ok(())
    }
}

impl Keep {
    /// A lease is renewed when less than this is left of it.
    const fn renewed_at_ms(self) -> u64 {
        self.lease_ms / 3 * 2
    }
}

fn tools(host: &Host) -> HostTools<'_> {
    HostTools { secret: &*host.secret, compose: host.compose }
}
