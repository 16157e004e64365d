"""What the cluster needs beside the workload: device plugins, operators, controllers."""
