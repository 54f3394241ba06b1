package web

import (
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"

	"event-processing-service/internal/telemetry"
)

// AccessLog writes a line for one of every oneIn requests: at 10,000 requests a second a line for each would be the
// largest part of the bill and of the CPU. Errors have lines of their own, and health checks none. requestID tells the id of a
// request, and client the name of who sent it, "" for a stranger.
func AccessLog(log *slog.Logger, oneIn int, isHealth func(path string) bool, requestID, client func(*fiber.Ctx) string) fiber.Handler {
	var count atomic.Uint64
	return func(c *fiber.Ctx) error {
		if (count.Add(1)-1)%uint64(oneIn) != 0 || isHealth(c.Path()) {
			return c.Next()
		}
		begin := time.Now()
		err := answered(c)
		ctx := telemetry.WithRequestID(c.UserContext(), requestID(c))
		log.LogAttrs(ctx, slog.LevelInfo, "request", slog.String("method", method(c)), slog.String("route", route(c)),
			slog.Int("status", c.Response().StatusCode()), slog.Float64("duration_ms", float64(time.Since(begin).Microseconds())/1000),
			slog.Int("request_bytes", c.Request().Header.ContentLength()), slog.String("client", client(c)), slog.Int("one_in", oneIn))
		return err
	}
}
