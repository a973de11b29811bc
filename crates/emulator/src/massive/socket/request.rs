//! The messages of a client: its login and its subscriptions.

use std::sync::Arc;

use serde_json::Value;
use tokio_tungstenite::tungstenite::protocol::Message;

use super::events::status;
use super::subscriptions;
use super::{MassiveSocketEnd, MassiveSocketSession};
use crate::massive::channel::StockChannel;

const NOT_REAL_TIME: &str = "You don't have access real-time data. If you want delayed data, please connect to the delayed websocket at wss://delayed.polygon.io/stocks.";

impl MassiveSocketSession<'_> {
    /// Handles a message.
    pub(super) async fn handle_message(&mut self, message: &Message) -> Result<(), MassiveSocketEnd> {
        let text = match message {
            Message::Text(text) => text.as_str(),
            Message::Binary(bytes) => std::str::from_utf8(bytes).unwrap_or_default(),
            Message::Close(_) => {
                // The answer to a close is queued already; nothing else may go before it.
                self.send_queue.clear();
                self.send_queue.mark_dirty();
                return Err(MassiveSocketEnd::Aborted);
            }
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {
                // The pong is queued already; it leaves with the next flush.
                self.send_queue.mark_dirty();
                return Ok(());
            }
        };
        self.world.traffic_log.update_sockets(|sockets| sockets.messages += 1);
        let asked: Value = serde_json::from_str(text).unwrap_or_default();
        let params = asked["params"].as_str().unwrap_or_default();
        match asked["action"].as_str() {
            Some("auth") => self.authenticate(params),
            Some("subscribe" | "unsubscribe") if self.account.is_none() => {
                self.queue_statuses(&[status("error", "not authorized")]);
                Ok(())
            }
            Some("subscribe") => self.subscribe(params).await,
            Some("unsubscribe") => self.unsubscribe(params).await,
            _ => {
                // After all that was due when it came.
                self.notify().await?;
                self.queue_statuses(&[status("error", "unknown action")]);
                Ok(())
            }
        }
    }

    fn authenticate(&mut self, key: &str) -> Result<(), MassiveSocketEnd> {
        let stage = &self.exchange.scenario;
        let plan = stage.keys.iter().find(|(known, _)| known == key).map(|(_, plan)| *plan);
        let refused = match plan {
            None => Some("authentication failed"),
            Some(plan) if !plan.has_socket() => Some("Your plan doesn't include websocket access."),
            Some(_) => None,
        };
        if let Some(why) = refused {
            self.world.traffic_log.update_sockets(|sockets| sockets.unauthorized += 1);
            self.queue_statuses(&[status("auth_failed", why)]);
            return Err(MassiveSocketEnd::Aborted);
        }
        self.queue_statuses(&[status("auth_success", "authenticated")]);
        if let Some(plan) = plan.filter(|_| self.account.is_none()) {
            let seat = self.exchange.connections.open(key, stage.max_connections, stage.evict);
            (self.account, self.authenticated_ms) = (Some((plan, seat)), self.world.monotonic_ms());
            if !plan.is_real_time() && !self.delayed {
                self.queue_statuses(&[status("error", NOT_REAL_TIME)]);
            }
        }
        Ok(())
    }

    /// Returns whether the plan allows a channel on this socket.
    fn carries(&self, channel: StockChannel) -> bool {
        self.account
            .as_ref()
            .is_some_and(|(plan, _)| (plan.is_real_time() || self.delayed) && plan.carries(channel))
    }

    async fn subscribe(&mut self, params: &str) -> Result<(), MassiveSocketEnd> {
        // Events from here on are for the new set.
        self.notify().await?;
        let (mut wants, mut statuses, mut refused) = ((*self.subscriptions).clone(), Vec::new(), false);
        for pair in params.split(',').map(str::trim) {
            match subscriptions::split(pair) {
                // An unknown channel gets no answer.
                None => {}
                Some((channel, _)) if !self.carries(channel) => refused = true,
                Some(_) if wants.add(self.exchange, pair) => {
                    statuses.push(status("success", &format!("subscribed to: {pair}")));
                }
                Some(_) => {}
            }
        }
        if refused {
            statuses.insert(0, status("error", "not authorized"));
        }
        self.queue_statuses(&statuses);
        (self.subscriptions, self.schedule) = (Arc::new(wants), None);
        Ok(())
    }

    async fn unsubscribe(&mut self, params: &str) -> Result<(), MassiveSocketEnd> {
        self.notify().await?;
        let mut wants = (*self.subscriptions).clone();
        let pairs = params.split(',').map(str::trim).filter(|pair| wants.remove(self.exchange, pair));
        let statuses: Vec<String> =
            pairs.map(|pair| status("success", &format!("unsubscribed to: {pair}"))).collect();
        self.queue_statuses(&statuses);
        (self.subscriptions, self.schedule) = (Arc::new(wants), None);
        Ok(())
    }
}
