//! A token bucket: a request takes one token, and every interval adds one.

use std::time::Instant;

use crate::config::web_file::RateLimit;

/// Full at first, and again after a change of the limit.
#[derive(Debug, Default)]
pub(super) struct TokenBucket(Option<TokenLevel>);

#[derive(Debug)]
struct TokenLevel {
    limit: RateLimit,
    tokens: f64,
    at: Instant,
}

impl TokenBucket {
    /// Takes a token if there is one.
    pub(super) fn take(&mut self, limit: RateLimit, now: Instant) -> bool {
        let full = f64::from(limit.burst);
        let level = match &mut self.0 {
            Some(level) if level.limit == limit => level,
            other => other.insert(TokenLevel {
                limit,
                tokens: full,
                at: now,
            }),
        };
        let since = now.saturating_duration_since(level.at);
        let earned = since.as_secs_f64() / limit.interval.as_secs_f64();
        level.tokens = (level.tokens + earned).min(full);
        level.at = level.at.max(now);
        let has_token = level.tokens >= 1.0;
        if has_token {
            level.tokens -= 1.0;
        }
        has_token
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_burst_then_one_an_interval() {
        let mut limit = RateLimit {
            interval: Duration::from_secs(1),
            burst: 3,
        };
        let mut bucket = TokenBucket::default();
        let start = Instant::now();
        let mut at =
            |milliseconds, limit| bucket.take(limit, start + Duration::from_millis(milliseconds));
        assert_eq!(
            [0, 0, 0, 0].map(|now| at(now, limit)),
            [true, true, true, false]
        );
        assert!(!at(900, limit) && at(1_100, limit) && !at(1_200, limit));
        // However long the pause, there are no more tokens than the burst.
        assert_eq!(
            [90_000; 4].map(|now| at(now, limit)),
            [true, true, true, false]
        );
        limit.burst = 1;
        assert!(at(90_000, limit) && !at(90_000, limit));
    }
}
