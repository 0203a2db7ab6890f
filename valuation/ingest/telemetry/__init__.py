"""Telemetry and logs of vehicles (车辆运行数据) to trace records."""
