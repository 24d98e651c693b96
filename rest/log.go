package rest

import (
	"context"
	"log/slog"
	"net/http"
	"time"
)

// What is logged: one line a call at level debug, one a retry at level warn. Neither has a header, a query or a body:
// that is where secrets are.

func (c *Client) logCall(ctx context.Context, call *call, took time.Duration, err error) {
	if c.config.Logger == nil || !c.config.Logger.Enabled(ctx, slog.LevelDebug) {
		return
	}
	attrs := []slog.Attr{
		slog.String("method", call.method),
		slog.String("path", call.path),
		slog.Int("attempts", call.attempts),
		slog.Duration("took", took),
	}
	if call.answer != nil {
		attrs = append(attrs, slog.Int("status", call.answer.StatusCode))
	}
	if err != nil {
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	c.config.Logger.LogAttrs(ctx, slog.LevelDebug, "deis: call", attrs...)
}

func (c *Client) logRetry(ctx context.Context, call *call, resp *http.Response, err error) {
	if c.config.Logger == nil {
		return
	}
	attrs := []slog.Attr{
		slog.String("method", call.method),
		slog.String("path", call.path),
		slog.Int("attempt", call.attempts),
		slog.Duration("wait", call.retrying.RetryWaitMin),
	}
	if resp != nil {
		attrs = append(attrs, slog.Int("status", resp.StatusCode))
	}
	if err != nil {
		attrs = append(attrs, slog.String("error", redactError(cause(err), c.secrets(call)).Error()))
	}
	c.config.Logger.LogAttrs(ctx, slog.LevelWarn, "deis: trying again", attrs...)
}
