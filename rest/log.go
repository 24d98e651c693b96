package rest

import (
	"log/slog"
	"net/http"
	"time"
)

// Each call is logged in one line at level debug, each retry in one at level warn. Neither has a header, a query or a
// body, since those can contain secrets.

func (c *call) log(took time.Duration, err error) {
	logger := c.client.config.Logger
	if logger == nil || !logger.Enabled(c, slog.LevelDebug) {
		return
	}
	attrs := []slog.Attr{
		slog.String("method", c.method),
		slog.String("path", c.path),
		slog.String("operation", c.operation()),
		slog.Int("attempts", c.attempts),
		slog.Duration("took", took),
	}
	if c.response != nil {
		attrs = append(attrs, slog.Int("status", c.response.StatusCode))
	}
	if err != nil {
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	logger.LogAttrs(c, slog.LevelDebug, "deis: call", attrs...)
}

func (c *call) logRetry(resp *http.Response) {
	logger := c.client.config.Logger
	if logger == nil {
		return
	}
	attrs := []slog.Attr{
		slog.String("method", c.method),
		slog.String("path", c.path),
		slog.String("operation", c.operation()),
		slog.Int("attempt", c.attempts),
		slog.Duration("wait", c.retrying.RetryWaitMin),
	}
	if resp != nil {
		attrs = append(attrs, slog.Int("status", resp.StatusCode))
	} else {
		attrs = append(attrs, slog.String("error", c.lastFailure))
	}
	logger.LogAttrs(c, slog.LevelWarn, "deis: retrying", attrs...)
}
