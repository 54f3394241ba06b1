package review

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// The parts of a bill.
const (
	partBrokers   = "Brokers"
	partDisks     = "Brokers' disks"
	partNAT       = "NAT gateways"
	partEndpoints = "Endpoints"
	partBalancer  = "Load balancer"
	partFirewall  = "Firewall"
	partTasks     = "API tasks"
	partPollers   = "Pollers"
	partFunction  = "Function"
	partTable     = "Events table"
	partLogs      = "Logs"
	partMetrics   = "Metrics of the function"
	partAPI       = "Metrics of the API"
	partCache     = "Cache of limits"
	partTraces    = "Traces"
	partWatching  = "Alarms, dashboard"
	partKeys      = "Keys, secrets"
	partArchive   = "Archive"
	partCanary    = "Canary"
	partTransfer  = "Between zones"
)

// hourly are the types that cost something while nobody uses them, or whose costs byEvents computes.
var hourly = map[string]func(g Graph, n Registration) []Line{
	"msk.Cluster": brokers,
	"ec2.NatGateway": func(Graph, Registration) []Line {
		return []Line{byHour(partNAT, natGatewayHour, "gateway")}
	},
	"ec2.Eip": func(Graph, Registration) []Line {
		return []Line{byHour(partNAT, publicAddressHour, "address")}
	},
	"lb.LoadBalancer": func(_ Graph, n Registration) []Line {
		lines := []Line{byHour(partBalancer, balancerHour, "balancer")}
		for range n.list("subnets") {
			if !n.Is("internal") {
				lines = append(lines, byHour(partBalancer, publicAddressHour, "address"))
			}
		}
		return lines
	},
	"ec2.VpcEndpoint": func(_ Graph, n Registration) (lines []Line) {
		if n.Text("vpcEndpointType") == "Interface" {
			for range n.list("subnetIds") {
				lines = append(lines, byHour(partEndpoints, interfaceEndpoint, "zone of an endpoint"))
			}
		}
		return lines
	},
	"ecs.Service": func(g Graph, n Registration) []Line {
		size, hour := g.taskHour(n)
		tasks, part := n.Number("desiredCount"), partTasks
		if n.Name == archiveName {
			part = partArchive
		}
		return []Line{{What: part, Monthly: tasks * hour * hoursAMonth,
			Arithmetic: fmt.Sprintf("%g × %s × %d h", tasks, size, hoursAMonth)}}
	},
	"lambda.EventSourceMapping": func(_ Graph, n Registration) []Line {
		least := n.Number("provisionedPollerConfig", "minimumPollers")
		if least == 0 {
			return nil
		}
		units := math.Ceil(least / 10)
		return []Line{{What: partPollers, Monthly: units * pollersUnitHour * hoursAMonth,
			Arithmetic: fmt.Sprintf("%g × up to 10 pollers %g × %d h", units, pollersUnitHour, hoursAMonth)}}
	},
	"cloudwatch.MetricAlarm": func(_ Graph, n Registration) []Line {
		metrics := 0 // each metric of an alarm is charged
		for _, query := range n.list("metricQueries") {
			if q, ok := query.(map[string]any); ok && q["metric"] != nil {
				metrics++
			}
		}
		metrics = max(1, metrics)
		return []Line{{What: partWatching, Monthly: float64(metrics) * alarmMetricMonth,
			Arithmetic: fmt.Sprintf("alarm on %d × %.2f", metrics, alarmMetricMonth)}}
	},
	"cloudwatch.CompositeAlarm": func(Graph, Registration) []Line {
		return []Line{byMonth(partWatching, compositeAlarmMonth, "alarm over alarms")}
	},
	"elasticache.ServerlessCache": func(_ Graph, n Registration) []Line {
		if engine := n.Text("engine"); engine != "valkey" {
			return []Line{{What: partCache, Monthly: -1, Arithmetic: n.String() + ": engine " + engine}}
		}
		return []Line{{What: partCache, Monthly: cacheLeastGB * cacheGBHour * hoursAMonth,
			Arithmetic: fmt.Sprintf("%g GB × %g × %d h", cacheLeastGB, cacheGBHour, hoursAMonth)}}
	},
	"cloudwatch.Dashboard": func(Graph, Registration) []Line {
		return []Line{byMonth(partWatching, dashboardMonth, "dashboard")}
	},
	"kms.Key": func(Graph, Registration) []Line { return []Line{byMonth(partKeys, keyMonth, "key")} },
	"secretsmanager.Secret": func(Graph, Registration) []Line {
		return []Line{byMonth(partKeys, secretMonth, "secret")}
	},
	"wafv2.WebAcl": func(_ Graph, n Registration) []Line {
		lines := []Line{byMonth(partFirewall, firewallMonth, "web ACL")}
		for range n.list("rules") {
			lines = append(lines, byMonth(partFirewall, firewallRuleMonth, "rule"))
		}
		return lines
	},
	"lambda.Function": canaryHour, // a processor costs by its events
	"dynamodb.Table": func(_ Graph, n Registration) []Line {
		if mode := n.Text("billingMode"); mode != "PAY_PER_REQUEST" {
			return []Line{{What: partTable, Monthly: -1, Arithmetic: n.String() + ": billing mode " + mode}}
		}
		return nil
	},
}

func byHour(what string, price float64, of string) Line {
	return Line{What: what, Monthly: price * hoursAMonth, Arithmetic: fmt.Sprintf("%s %g × %d h", of, price, hoursAMonth)}
}

func byMonth(what string, price float64, of string) Line {
	return Line{What: what, Monthly: price, Arithmetic: fmt.Sprintf("%s %.2f", of, price)}
}

func brokers(_ Graph, n Registration) []Line {
	kind := n.Text("brokerNodeGroupInfo", "instanceType")
	number := n.Number("numberOfBrokerNodes")
	disk := n.Number("brokerNodeGroupInfo", "storageInfo", "ebsStorageInfo", "volumeSize")
	hour, known := brokerHour[kind]
	if !known {
		return []Line{{What: partBrokers, Monthly: -1, Arithmetic: fmt.Sprintf("%s: brokers of type %s", n, kind)}}
	}
	lines := []Line{
		{What: partBrokers, Monthly: number * hour * hoursAMonth,
			Arithmetic: fmt.Sprintf("%g × %s %g × %d h", number, kind, hour, hoursAMonth)},
		{What: partDisks, Monthly: number * disk * brokerDiskMonth,
			Arithmetic: fmt.Sprintf("%g × %g GB × %.2f", number, disk, brokerDiskMonth)},
	}
	if level := n.Text("enhancedMonitoring"); level != "" && level != "DEFAULT" {
		lines = append(lines, Line{What: partMetrics, Monthly: -1,
			Arithmetic: fmt.Sprintf("%s: metrics at the level %s", n, level)})
	}
	return lines
}

// taskHour is the size of a service's tasks, and what a task costs an hour.
func (g Graph) taskHour(service Registration) (size string, hour float64) {
	definition := service.Text("taskDefinition")
	for _, n := range g.Of("ecs.TaskDefinition") {
		if strings.HasSuffix(definition, "/"+n.Name) {
			cpu, gigabytes := n.size("cpu")/1024, n.size("memory")/1024
			return fmt.Sprintf("(%g vCPU × %g + %g GB × %g)", cpu, fargateCPUHour, gigabytes, fargateGBHour),
				cpu*fargateCPUHour + gigabytes*fargateGBHour
		}
	}
	return "task of " + service.Name, 0
}

// size is a number that ECS takes as text.
func (n Registration) size(key string) float64 {
	value, _ := strconv.ParseFloat(n.Text(key), 64)
	return value
}

// list is the array of a name, as JSON has it.
func (n Registration) list(key string) []any {
	list, _ := n.Plain()[key].([]any)
	return list
}

// environment are the variables of the container that the load balancer calls.
func (g Graph) environment() map[string]string {
	variables := map[string]string{}
	for _, n := range g.Of("ecs.TaskDefinition") {
		var all []struct {
			Name        string
			Environment []struct{ Name, Value string }
		}
		_ = json.Unmarshal([]byte(n.Text("containerDefinitions")), &all) // what can't be read has no variables
		for _, c := range all {
			for _, v := range c.Environment {
				if c.Name == g.entry() {
					variables[v.Name] = v.Value
				}
			}
		}
	}
	return variables
}
