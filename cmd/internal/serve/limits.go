package serve

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"event-processing-service/api"
	"event-processing-service/cmd/internal/assembly"
	"event-processing-service/internal/limit"
	"event-processing-service/internal/settings"
)

// newLimiter makes the limiter and the check of its store; the check is nil without a store.
func (p *Program) newLimiter(a *assembly.Assembly, store string) (api.Limiter, func(context.Context) error, error) {
	own := limit.NewMemory()
	if store == "" {
		return own, nil, nil
	}
	address, err := limit.ReadAddress(store)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: RATE_LIMIT_URL: %w", settings.ErrEnvironment, err)
	}
	var credentials limit.Credentials
	if address.IAM != "" {
		cfg, err := a.AWS()
		if err != nil {
			return nil, nil, err
		}
		credentials = cacheToken(cfg, address.IAM, address.User)
	}
	shared, err := limit.NewRedis(address, credentials)
	if err != nil {
		return nil, nil, err
	}
	limiter := limit.NewFallback(shared, own, p.log)
	p.Metrics.WatchLimits(limiter)
	return limiter, shared.Check, nil
}

const (
	// tokenSeconds is how long a token can open connections; they may last longer. It is ElastiCache's maximum.
	tokenSeconds = "900"
	// nothingsHash is the SHA-256 of an empty body.
	nothingsHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

// cacheToken makes the password for ElastiCache: a signed request to connect, without its scheme.
//
// Source: Amazon ElastiCache User Guide, Authenticating with IAM: Connecting.
func cacheToken(cfg aws.Config, cache, user string) limit.Credentials {
	signer := v4.NewSigner()
	query := url.Values{"Action": {"connect"}, "User": {user}, "ResourceType": {"ServerlessCache"},
		"X-Amz-Expires": {tokenSeconds}}
	to := url.URL{Scheme: "http", Host: cache, Path: "/", RawQuery: query.Encode()}
	return func(ctx context.Context) (string, string, error) {
		credentials, err := cfg.Credentials.Retrieve(ctx)
		if err != nil {
			return "", "", fmt.Errorf("get AWS credentials for the cache: %w", err)
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, to.String(), nil)
		if err != nil {
			return "", "", fmt.Errorf("make the request to connect to the cache: %w", err)
		}
		signed, _, err := signer.PresignHTTP(ctx, credentials, req, nothingsHash, "elasticache", cfg.Region, time.Now())
		if err != nil {
			return "", "", fmt.Errorf("sign the request to connect to the cache: %w", err)
		}
		return user, strings.TrimPrefix(signed, "http://"), nil
	}
}
