// Package front builds the API, and what is around it, from the settings. It is apart from the other wiring so that the
// function's binary has none of it.
package front

import (
	"log/slog"

	"event-processing-service/api"
	"event-processing-service/internal/limit"
	"event-processing-service/internal/settings"
	"event-processing-service/internal/telemetry"
)

// Config turns the settings into the API's. The limiter's connections live as long as the process.
func Config(s settings.API, o *Observed, log *slog.Logger) (api.Config, error) {
	cfg := api.Config{
		Version: telemetry.Version(), DrainDelay: s.DrainDelay, Metrics: o.Registry(), Around: o.Around, Rejected: o.Rejected,
		PublicURL: s.PublicURL, Keys: s.Keys, Rate: s.RateLimit,
		TrustedProxies: s.TrustedProxies, CORSOrigins: s.CORSOrigins, SchemaMode: api.SchemasOpen,
	}
	if s.StrictSchemas {
		cfg.SchemaMode = api.SchemasStrict
	}
	var err error
	cfg.Limiter, err = newLimiter(s, log)
	return cfg, err
}

func newLimiter(s settings.API, log *slog.Logger) (api.Limiter, error) {
	if s.RateLimit.Units == 0 {
		return nil, nil
	}
	own := limit.NewMemory(s.RateLimit)
	if s.RateLimitURL == "" {
		return own, nil
	}
	shared, err := limit.NewRedis(s.RateLimit, s.RateLimitURL)
	if err != nil {
		return nil, err
	}
	return limit.NewFallback(shared, own, log), nil
}
