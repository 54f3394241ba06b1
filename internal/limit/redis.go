package limit

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// Redis limits across processes, in Valkey or Redis. Time is the server's, so that the clocks of the processes need not
// agree.
type Redis struct {
	client  redis.UniversalClient
	timeout time.Duration
	warming atomic.Bool
}

// take is the algorithm of decide, next to the data: nothing happens between its read and its write. Times are in
// microseconds with fractions, as a unit may take little more than one, and since a late moment, as Lua's numbers would
// not have the fractions otherwise. The entry expires once it no longer says anything.
var take = redis.NewScript(`
local t = redis.call('TIME')
local now = (t[1] - 1700000000) * 1000000 + t[2]
local interval, units, n = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local capacity = interval * units
local used = math.min(math.max((tonumber(redis.call('GET', KEYS[1])) or 0) - now, 0), capacity)
local after = used + interval * n
if after > capacity then
  return {0, math.floor((capacity - used) / interval + 0.01), math.ceil(after - capacity), math.ceil(used)}
end
redis.call('SET', KEYS[1], string.format('%.3f', now + after), 'PX', math.ceil(after / 1000) + 1)
return {1, math.floor((capacity - after) / interval + 0.01), 0, math.ceil(after)}
`)

// storeTimeout is what a request may wait for the store before it is decided without it.
const storeTimeout = 100 * time.Millisecond

// quiet: what goes wrong is returned, and logged where it is handled. The library writes plain lines otherwise.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

func init() { redis.SetLogger(quiet{}) }

// Credentials are asked for with each new connection. IAM's are a token, which is good for some minutes.
type Credentials func(ctx context.Context) (user, password string, err error)

// NewRedis connects when it is first asked. Without credentials those of the URL are used.
func NewRedis(a Address, credentials Credentials) (*Redis, error) {
	return newRedis(a, credentials, storeTimeout)
}

// connectionAge is less than the 12 hours after which ElastiCache ends a connection that was made with IAM.
const connectionAge = 11 * time.Hour

func newRedis(a Address, credentials Credentials, timeout time.Duration) (*Redis, error) {
	single, err := redis.ParseURL(a.URL)
	if err != nil {
		return nil, fmt.Errorf("parse the URL of the rate limits' store: %w", err)
	}
	opts := &redis.UniversalOptions{
		Addrs: []string{single.Addr}, DB: single.DB, TLSConfig: single.TLSConfig, IsClusterMode: a.Cluster,
		Username: single.Username, Password: single.Password, CredentialsProviderContext: credentials,
		// A connection may take longer to make than a request waits for it: see warm.
		DialTimeout: max(timeout, warmTimeout), ReadTimeout: timeout, WriteTimeout: timeout, PoolTimeout: timeout,
		MaxRetries:            -1,   // Fallback is quicker than a second try
		ContextTimeoutEnabled: true, // or the context would bound nothing
		ConnMaxLifetime:       connectionAge,
		DisableIdentity:       true, // which takes a command that the user has no right to
	}
	single.DialTimeout = opts.DialTimeout
	opts.Dialer = dialer(redis.NewDialer(single)).bounded
	return &Redis{client: redis.NewUniversalClient(opts), timeout: timeout}, nil
}

// Take fails when the store does not answer in time.
func (r *Redis) Take(ctx context.Context, client string, rate Rate, n int) (Decision, error) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	interval := strconv.FormatFloat(float64(rate.Per)/float64(rate.Units)/float64(time.Microsecond), 'f', -1, 64)
	// The name says what the value is in, as processes of an earlier version may still be there.
	v, err := take.Run(ctx, r.client, []string{"rate-limit:2:" + client}, interval, rate.Units, n).Int64Slice()
	if err != nil {
		r.warm()
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

// warmTimeout is what a new connection may take that no request waits for.
const warmTimeout = 2 * time.Second

// warm makes a connection, one at a time, for the next request to find. TLS, IAM and the cluster's map together may
// take longer than any request waits, and without this each of them would begin from nothing again.
func (r *Redis) warm() {
	if r.warming.Swap(true) {
		return
	}
	go func() {
		defer r.warming.Store(false)
		ctx, cancel := context.WithTimeout(context.Background(), warmTimeout)
		defer cancel()
		_ = r.Check(ctx) // whoever asks next sees what is wrong
	}()
}

// Check fails while the store does not answer.
func (r *Redis) Check(ctx context.Context) error {
	var err error
	if cluster, is := r.client.(*redis.ClusterClient); is {
		err = cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error { return node.Ping(ctx).Err() })
	} else {
		err = r.client.Ping(ctx).Err()
	}
	if err != nil {
		return fmt.Errorf("ask the rate limits' store: %w", err)
	}
	return nil
}

// Close ends the connections.
func (r *Redis) Close() error { return r.client.Close() }
