package limit

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Redis limits across processes, in Valkey or Redis. Time is the server's, so that the clocks of the processes need not
// agree.
type Redis struct {
	rate    Rate
	client  *redis.Client
	timeout time.Duration
}

// take is the algorithm of decide, next to the data: between reading and writing nobody else comes. Times are in
// microseconds. The entry goes away by itself when it says nothing any more.
var take = redis.NewScript(`
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local interval, units, n = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local capacity = interval * units
local used = math.max((tonumber(redis.call('GET', KEYS[1])) or 0) - now, 0)
local after = used + interval * n
if after > capacity then
  return {0, math.floor((capacity - used) / interval), after - capacity, used}
end
redis.call('SET', KEYS[1], string.format('%.0f', now + after), 'PX', math.ceil(after / 1000) + 1)
return {1, math.floor((capacity - after) / interval), 0, after}
`)

// storeTimeout is what a request may wait for the store before it is decided without it.
const storeTimeout = 100 * time.Millisecond

// quiet: what goes wrong is returned, and logged where it is handled. The library writes plain lines otherwise.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

func init() { redis.SetLogger(quiet{}) }

// NewRedis connects when it is first asked. The URL's scheme is redis, valkey, or rediss and valkeys for TLS.
func NewRedis(rate Rate, url string) (*Redis, error) { return newRedis(rate, url, storeTimeout) }

func newRedis(rate Rate, url string, timeout time.Duration) (*Redis, error) {
	opts, err := redis.ParseURL(strings.Replace(url, "valkey", "redis", 1))
	if err != nil {
		return nil, fmt.Errorf("parse the URL of the rate limits' store: %w", err)
	}
	opts.DialTimeout, opts.ReadTimeout, opts.WriteTimeout = timeout, timeout, timeout
	opts.PoolTimeout = timeout
	opts.MaxRetries = -1              // Fallback is quicker than a second try
	opts.ContextTimeoutEnabled = true // or the context would bound nothing
	return &Redis{rate: rate, client: redis.NewClient(opts), timeout: timeout}, nil
}

// Take fails when the store does not answer in time.
func (r *Redis) Take(ctx context.Context, client string, n int) (Decision, error) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	interval := max(r.rate.interval().Microseconds(), 1)
	v, err := take.Run(ctx, r.client, []string{"rate-limit:" + client}, interval, r.rate.Units, n).Int64Slice()
	if err != nil {
		return Decision{}, fmt.Errorf("take from the shared limit: %w", err)
	}
	if len(v) != 4 {
		return Decision{}, fmt.Errorf("take from the shared limit: got %d values, want 4", len(v))
	}
	return Decision{
		Allowed: v[0] == 1, Remaining: int(v[1]),
		Wait: time.Duration(v[2]) * time.Microsecond, Reset: time.Duration(v[3]) * time.Microsecond,
	}, nil
}

// Close ends the connections.
func (r *Redis) Close() error { return r.client.Close() }
