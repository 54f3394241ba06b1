package main

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSubnetsAreSixteenthsInTheOrderOfZones(t *testing.T) {
	public, private, err := planSubnets("10.20.0.0/16", []string{"a", "b", "c"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]subnet{{"a", "10.20.0.0/20"}, {"b", "10.20.16.0/20"}, {"c", "10.20.32.0/20"}}, private); diff != "" {
		t.Errorf("private: -want +got\n%s", diff)
	}
	if diff := cmp.Diff([]subnet{{"a", "10.20.128.0/20"}, {"b", "10.20.144.0/20"}, {"c", "10.20.160.0/20"}}, public); diff != "" {
		t.Errorf("public: -want +got\n%s", diff)
	}
}

func TestAZoneAtTheEndMovesNoSubnet(t *testing.T) {
	_, two, _ := planSubnets("10.0.0.0/20", []string{"a", "b"})
	_, three, _ := planSubnets("10.0.0.0/20", []string{"a", "b", "c"})
	if !slices.Equal(two, three[:2]) {
		t.Errorf("%v became %v", two, three)
	}
}

func TestSubnetsLieInTheirNetworkAndNeverOverlap(t *testing.T) {
	for _, cidr := range []string{"10.0.0.0/16", "192.168.240.0/20", "172.16.4.0/24"} {
		public, private, err := planSubnets(cidr, strings.Split("abcdefgh", ""))
		if err != nil {
			t.Fatal(err)
		}
		network := netip.MustParsePrefix(cidr)
		var all []netip.Prefix
		for _, s := range append(public, private...) {
			prefix := netip.MustParsePrefix(s.CIDR)
			if !network.Contains(prefix.Addr()) {
				t.Errorf("%s is outside %s", prefix, network)
			}
			for _, other := range all {
				if prefix.Overlaps(other) {
					t.Errorf("%s and %s overlap", prefix, other)
				}
			}
			all = append(all, prefix)
		}
	}
}

func TestANetworkThatCannotBeCutIsRefused(t *testing.T) {
	for _, cidr := range []string{"", "10.0.0.0/25", "fd00::/16", "ten"} {
		if _, _, err := planSubnets(cidr, []string{"a"}); err == nil {
			t.Errorf("%q was cut", cidr)
		}
	}
}

func TestEachConnectionIsAllowedAtBothOfItsEnds(t *testing.T) {
	for _, https := range []bool{false, true} {
		rules := securityRules(https, true)
		for _, r := range rules {
			if _, group := groupPurpose[r.Peer]; !group {
				continue
			}
			other := func(o rule) bool {
				return o.Group == r.Peer && o.Peer == r.Group && o.Port == r.Port && o.Out != r.Out
			}
			if !slices.ContainsFunc(rules, other) {
				t.Errorf("%s and %s on %d: one end only", r.Group, r.Peer, r.Port)
			}
		}
	}
}

func TestOnlyWhatIsNeededReachesTheInternet(t *testing.T) {
	outside := func(https, mapping bool) (list []string) {
		for _, r := range securityRules(https, mapping) {
			if r.Peer == anywhere {
				list = append(list, fmt.Sprintf("%s %v %d", r.Group, r.Out, r.Port))
			}
		}
		return list
	}
	if diff := cmp.Diff([]string{"edge false 80", "api true 443"}, outside(false, false)); diff != "" {
		t.Errorf("least: -want +got\n%s", diff)
	}
	if diff := cmp.Diff([]string{"edge false 80", "api true 443", "edge false 443", "kafka true 443"}, outside(true, true)); diff != "" {
		t.Errorf("most: -want +got\n%s", diff)
	}
}

func TestReplicationFollowsTheNumberOfBrokers(t *testing.T) {
	for brokers, want := range map[int][2]int{2: {2, 1}, 3: {3, 2}, 6: {3, 2}} {
		c := kafkaConfig{Brokers: brokers}
		if got := [2]int{c.ReplicationFactor(), c.MinInSyncReplicas()}; got != want {
			t.Errorf("%d brokers: factor and min ISR %v, want %v", brokers, got, want)
		}
	}
}

func TestBrokersRefuseUnknownTopicsAndUncleanLeaders(t *testing.T) {
	want := "auto.create.topics.enable=false\nunclean.leader.election.enable=false\ndefault.replication.factor=3\nmin.insync.replicas=2\n"
	if got := serverProperties(kafkaConfig{Brokers: 3}); got != want {
		t.Errorf("got %q", got)
	}
}

func TestABrokerListInAnotherOrderIsTheSameList(t *testing.T) {
	if a, b := sortBrokers("b-2:9098,b-1:9098"), sortBrokers("b-1:9098,b-2:9098"); a != b || a != "b-1:9098,b-2:9098" {
		t.Errorf("%q and %q", a, b)
	}
}

func TestDeadLettersStayLongerThanEvents(t *testing.T) {
	c := kafkaConfig{Topic: "events", Partitions: 3, Brokers: 3, RetentionHours: 72}
	settings := func(topic string) (state topicState, configs map[string]string) {
		state = topicSettings(c, topic)
		if err := json.Unmarshal(decodeBase64(t, state.Configs), &configs); err != nil {
			t.Fatal(err)
		}
		return state, configs
	}
	events, eventConfigs := settings("events")
	letters, letterConfigs := settings("events.dlq")
	if events.PartitionCount != 3 || letters.PartitionCount != 3 || events.ReplicationFactor != 3 {
		t.Errorf("events %+v, dead letters %+v", events, letters)
	}
	want := map[string]string{"cleanup.policy": "delete", "min.insync.replicas": "2", "retention.ms": "259200000", "unclean.leader.election.enable": "false"}
	if diff := cmp.Diff(want, eventConfigs); diff != "" {
		t.Errorf("events: -want +got\n%s", diff)
	}
	if letterConfigs["retention.ms"] != "1209600000" {
		t.Errorf("dead letters stay %s ms", letterConfigs["retention.ms"])
	}
}

func TestKafkaARNsComeOfTheClusters(t *testing.T) {
	const cluster = "arn:aws:kafka:eu-west-1:123456789012:cluster/name/uuid-1"
	if got := kafkaARN(cluster, "topic", "events"); got != "arn:aws:kafka:eu-west-1:123456789012:topic/name/uuid-1/events" {
		t.Error(got)
	}
	if got := kafkaARN(cluster, "group", "eventctl-*"); got != "arn:aws:kafka:eu-west-1:123456789012:group/name/uuid-1/eventctl-*" {
		t.Error(got)
	}
}

func TestTheTaskMayNotOutliveItsDrain(t *testing.T) {
	// ECS kills after stopTimeout: DRAIN_DELAY, a publish, and some seconds to flush must fit. The balancer drains at least as
	// long as a publish may take.
	if drainDelay != "5s" || publishTimeout != "10s" {
		t.Fatal("the numbers below are of other settings")
	}
	if stopTimeoutSeconds < 5+10+10 {
		t.Errorf("stopTimeout of %d s cuts off what is in flight", stopTimeoutSeconds)
	}
	if drainSeconds < 10+5 {
		t.Errorf("a deregistration delay of %d s cuts off what is in flight", drainSeconds)
	}
}

func TestOptionalSettingsReachTheTaskOnlyWhenSet(t *testing.T) {
	bare := apiEnvironment(deployed{}, containerSettings{})
	for _, name := range []string{"RATE_LIMIT", "CORS_ALLOWED_ORIGINS"} {
		if _, set := bare[name]; set {
			t.Errorf("%s is set to nothing", name)
		}
	}
	full := apiEnvironment(deployed{}, containerSettings{API: apiConfig{RateLimit: "1/1s", CORSAllowedOrigins: []string{"https://a", "https://b"}}})
	if full["RATE_LIMIT"] != "1/1s" || full["CORS_ALLOWED_ORIGINS"] != "https://a,https://b" {
		t.Errorf("environment %v", full)
	}
}

func TestEveryAlarmSaysWhatToDoAndHasRoomToBeWrong(t *testing.T) {
	c := config{Name: "n", Kafka: kafkaConfig{Brokers: 3, Topic: "events"}, API: apiConfig{MinTasks: 2}, Processor: processorConfig{TimeoutSeconds: 100, Provisioned: &provisionedConfig{}}}
	seen := map[string]bool{}
	for _, a := range alarms(c, "f", "g") {
		if seen[a.Name] {
			t.Errorf("%s is there twice", a.Name)
		}
		seen[a.Name] = true
		if len(strings.Fields(a.What)) < 5 || a.Of < 1 || a.Of > a.In || a.MissingMeans == "" {
			t.Errorf("%+v", a)
		}
		if a.Name == "processor-duration" && a.Threshold != 80_000 {
			t.Errorf("duration alarms at %v ms of 100,000", a.Threshold)
		}
	}
	for _, name := range []string{"api-errors", "api-latency", "api-unhealthy", "api-tasks", "processor-errors", "processor-throttles", "processor-duration", "processor-lag", "dead-letters", "undelivered", "kafka-offline", "kafka-disk-3", "kafka-replicas-3"} {
		if !seen[name] {
			t.Errorf("nothing wakes anybody for %s", name)
		}
	}
}

func TestTheShareOfErrorsCountsQuietMinutesAsNone(t *testing.T) {
	if got := percent(2); got != "100*(FILL(m1,0)+FILL(m2,0))/FILL(m0,1)" {
		t.Error(got)
	}
}

func TestTheDashboardFollowsAnEventDownThePage(t *testing.T) {
	var body struct {
		Widgets []struct {
			Type       string
			X, Y       int
			Width      int
			Properties map[string]any
		}
	}
	text := dashboard(config{Region: "eu-west-1", Name: "n", Kafka: kafkaConfig{Brokers: 2, Topic: "events"}}, "f", "g", "app/n/1", "targetgroup/n/2", "t")
	if err := json.Unmarshal([]byte(text), &body); err != nil {
		t.Fatal(err)
	}
	var headings []string
	last := -1
	for _, w := range body.Widgets {
		if w.Type == "text" {
			headings = append(headings, w.Properties["markdown"].(string))
			if w.Y <= last {
				t.Errorf("%v is above the row before it", w.Properties["markdown"])
			}
			last = w.Y
		}
		if w.X+w.Width > 24 {
			t.Errorf("%v is off the page", w.Properties)
		}
	}
	want := []string{"## 1. Requests come in", "## 2. Kafka stores them", "## 3. The processor acts on them", "## 4. What became of them"}
	if diff := cmp.Diff(want, headings); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if strings.Contains(text, "$") {
		t.Error("a name that deployment makes was not filled in")
	}
}

func TestTheLineToPasteSendsAKeyWhereOneIsNeeded(t *testing.T) {
	open, keyed := curlLine("http://x", false), curlLine("https://x", true)
	if strings.Contains(open, "API-Key") || !strings.Contains(keyed, `-H "X-API-Key: $API_KEY"`) {
		t.Errorf("open %s, keyed %s", open, keyed)
	}
	if !strings.HasSuffix(open, " http://x/v1/events") {
		t.Error(open)
	}
}
